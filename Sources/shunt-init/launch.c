// TASKDIR/launch, written by the agent before anything is started. Strings that end in NUL:
//
//   shunt-launch  1  KEY VALUE  KEY VALUE …  end
//
//   arg VALUE                a word of the command, in order; at least one, or `shell`
//   shell VALUE              instead of `arg`: a line for /bin/sh -c
//   env NAME=VALUE           in order; this is the whole environment, but for `inherit`
//   inherit 1                what init itself was given stands below `env`: in a container, the
//                            variables of the image
//   secrets VALUE            a directory, absolute; before the first `secret`
//   secret NAME              a file in it, whose bytes become the variable NAME when the command
//                            is executed; it stands above `env`
//   workdir VALUE            absolute
//   umask VALUE              of the command, octal; 022 where it is absent
//   name VALUE               1…64 of A-Z a-z 0-9 . _ - ; names the cgroup
//   kill auto|members|sweep  whether a cgroup may be used; `members`: without `cgroup.kill`
//   leftover_grace_ms VALUE  see struct launch
//   memory_limit VALUE       bytes, of the whole tree; absent where there is no limit
//   cpu_limit VALUE          thousandths of a CPU, of the whole tree; the same
//   mount_source VALUE       absolute: data that is to be found read-only at …
//   mount_target VALUE       … the target, absolute, which stands right behind it
//   boot_id, init, token, max_duration_ms, stop_signal, stop_grace_ms, engine_start,
//   engine_remove, engine_env, engine_limit
//                            the supervisor's, skipped here
//
// A key that is not listed makes the file unusable: nothing that somebody asked for is ignored.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_FILE = 8 << 20 };

struct cursor {
    char *at;
    char *end;
};

// The next string, or NULL at the end.
static char *next(struct cursor *cursor) {
    if (cursor->at >= cursor->end) return NULL;
    char *text = cursor->at;
    cursor->at += strlen(text) + 1;
    return text;
}

static int refuse(struct launch *launch, const char *problem) {
    launch->problem = problem;
    return EBADMSG;
}

// Up to so many of A-Z a-z 0-9 . _ -
static bool is_name(const char *text, size_t longest) {
    size_t length = strspn(
        text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return length >= 1 && length <= longest && text[length] == 0;
}

static bool parse_number(const char *text, int64_t *number) {
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 15) return false;
    char *end;
    *number = strtoll(text, &end, 10);
    return *end == 0;
}

static bool parse_umask(const char *text, mode_t *mask) {
    size_t digits = strspn(text, "01234567");
    if (digits < 1 || digits > 4 || text[digits]) return false;
    *mask = (mode_t)strtoul(text, NULL, 8);
    return *mask <= 0777;
}

static bool belongs_to_supervisor(const char *key) {
    static const char *const keys[] = {
        "boot_id", "init", "token", "max_duration_ms", "stop_signal", "stop_grace_ms",
        "engine_start", "engine_remove", "engine_env", "engine_limit",
    };
    for (size_t index = 0; index < sizeof keys / sizeof keys[0]; index++) {
        if (!strcmp(key, keys[index])) return true;
    }
    return false;
}

static int take_secret(struct launch *launch, char *value) {
    if (!launch->secrets_directory) return refuse(launch, "`secret` stands before `secrets`");
    if (!is_name(value, 200) || strchr("0123456789.", value[0]) || strpbrk(value, ".-")) {
        return refuse(launch, "a secret has a name that no variable can have");
    }
    size_t count = 0;
    while (launch->secrets[count]) count++;
    launch->secrets[count] = value;
    return 0;
}

// Takes one pair; `arguments` and `variables` count what went into argv and env.
static int take(
    struct launch *launch, const char *key, char *value, size_t *arguments, size_t *variables
) {
    static char shell_path[] = "/bin/sh";
    static char shell_flag[] = "-c";
    if (!strcmp(key, "arg")) {
        if (launch->argv[0] == shell_path) return refuse(launch, "`arg` stands beside `shell`");
        launch->argv[(*arguments)++] = value;
    } else if (!strcmp(key, "shell")) {
        if (*arguments > 0) return refuse(launch, "`shell` stands beside `arg`");
        launch->argv[0] = shell_path;
        launch->argv[1] = shell_flag;
        launch->argv[2] = value;
        *arguments = 3;
    } else if (!strcmp(key, "env")) {
        if (!strchr(value, '=')) return refuse(launch, "a variable has no `=`");
        launch->env[(*variables)++] = value;
    } else if (!strcmp(key, "inherit")) {
        if (strcmp(value, "1")) return refuse(launch, "`inherit` is not 1");
        launch->inherits = true;
    } else if (!strcmp(key, "secrets")) {
        if (value[0] != '/') return refuse(launch, "the directory of secrets is not absolute");
        launch->secrets_directory = value;
    } else if (!strcmp(key, "secret")) {
        return take_secret(launch, value);
    } else if (!strcmp(key, "workdir")) {
        if (value[0] != '/') return refuse(launch, "the working directory is not absolute");
        launch->workdir = value;
    } else if (!strcmp(key, "umask")) {
        if (!parse_umask(value, &launch->umask)) return refuse(launch, "`umask` is not a mode");
    } else if (!strcmp(key, "name")) {
        if (!is_name(value, 64)) return refuse(launch, "the name has symbols that it may not have");
        launch->name = value;
    } else if (!strcmp(key, "kill")) {
        launch->kill_members = !strcmp(value, "members");
        launch->may_use_cgroup = launch->kill_members || !strcmp(value, "auto");
        if (!launch->may_use_cgroup && strcmp(value, "sweep")) {
            return refuse(launch, "`kill` is none of `auto`, `members`, `sweep`");
        }
    } else if (!strcmp(key, "leftover_grace_ms")) {
        if (!parse_number(value, &launch->leftover_grace_ms)) {
            return refuse(launch, "`leftover_grace_ms` is not a number");
        }
    } else if (!strcmp(key, "memory_limit")) {
        if (!parse_number(value, &launch->memory_limit)) {
            return refuse(launch, "`memory_limit` is not a number");
        }
    } else if (!strcmp(key, "cpu_limit")) {
        if (!parse_number(value, &launch->cpu_limit)) {
            return refuse(launch, "`cpu_limit` is not a number");
        }
    } else if (!belongs_to_supervisor(key)) {
        return refuse(launch, "it has a key that this init does not know");
    }
    return 0;
}

static bool is_path(const char *text) { return text[0] == '/'; }

// Takes one half of a mount; every source is followed by its target.
static int take_mount(struct launch *launch, const char *key, char *value) {
    bool is_source = !strcmp(key, "mount_source");
    bool expects_source = launch->mount_count % 2 == 0;
    if (is_source != expects_source || !is_path(value)) {
        return refuse(launch, "its mounts are not pairs of absolute paths");
    }
    launch->mounts[launch->mount_count++] = value;
    return 0;
}

static bool has_variable(char **env, size_t count, const char *entry) {
    size_t name = strcspn(entry, "=");
    for (size_t index = 0; index < count; index++) {
        if (!strncmp(env[index], entry, name) && env[index][name] == '=') return true;
    }
    return false;
}

// Adds the variables that init was started with and the plan does not set.
static int inherit(struct launch *launch, size_t variables) {
    size_t own = 0;
    while (environ[own]) own++;
    char **env = calloc(variables + own + 1, sizeof(char *));
    if (!env) return ENOMEM;
    size_t count = 0;
    for (size_t index = 0; index < own; index++) {
        char *entry = environ[index];
        if (!has_variable(launch->env, variables, entry)) env[count++] = entry;
    }
    memcpy(env + count, launch->env, variables * sizeof(char *));
    free(launch->env);
    launch->env = env;
    return 0;
}

static int parse(struct launch *launch, size_t length) {
    struct cursor cursor = {launch->storage, launch->storage + length};
    if (length == 0 || launch->storage[length - 1] != 0) return refuse(launch, "it is cut short");
    size_t strings = 0;
    for (size_t index = 0; index < length; index++) strings += launch->storage[index] == 0;
    // Room for every string in both, for the three words of a shell, and for the last NULL.
    launch->argv = calloc(strings + 4, sizeof(char *));
    launch->env = calloc(strings + 4, sizeof(char *));
    launch->secrets = calloc(strings + 4, sizeof(char *));
    launch->mounts = calloc(strings + 4, sizeof(char *));
    if (!launch->argv || !launch->env || !launch->secrets || !launch->mounts) return ENOMEM;
    char *kind = next(&cursor);
    char *version = next(&cursor);
    if (!version || strcmp(kind, "shunt-launch")) return refuse(launch, "it is not a launch file");
    if (strcmp(version, "1")) return refuse(launch, "its version is not 1");
    size_t arguments = 0, variables = 0;
    for (;;) {
        char *key = next(&cursor);
        if (!key) return refuse(launch, "it is cut short");
        if (!strcmp(key, "end")) break;
        char *value = next(&cursor);
        if (!value) return refuse(launch, "it is cut short");
        int error = !strncmp(key, "mount_", 6)
            ? take_mount(launch, key, value)
            : take(launch, key, value, &arguments, &variables);
        if (error) return error;
    }
    if (launch->mount_count % 2) return refuse(launch, "a mount has no target");
    launch->mount_count /= 2;
    if (arguments == 0) return refuse(launch, "it has no command");
    if (!launch->workdir) return refuse(launch, "it has no working directory");
    if (!launch->name) return refuse(launch, "it has no name");
    return launch->inherits ? inherit(launch, variables) : 0;
}

int launch_read(int directory, struct launch *launch) {
    *launch = (struct launch){
        .umask = 022, .may_use_cgroup = true, .leftover_grace_ms = 2000};
    int file = openat(directory, "launch", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        launch->problem = "it cannot be opened";
        return errno;
    }
    struct stat status;
    if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > LARGEST_FILE) {
        close(file);
        return refuse(launch, "it is no file of a sensible size");
    }
    size_t length = 0, size = (size_t)status.st_size;
    launch->storage = malloc(size + 1);
    while (launch->storage && length < size) {
        ssize_t count = read(file, launch->storage + length, size - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += (size_t)count;
    }
    close(file);
    if (!launch->storage) return ENOMEM;
    if (length != size) return refuse(launch, "it could not be read to its end");
    return parse(launch, length);
}
