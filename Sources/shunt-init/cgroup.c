// A cgroup of the task's own, below the one that init runs in. That of v2 is for its membership,
// so it may be made wherever this account may write. Init stays outside: `cgroup.kill` must not end
// the witness.

#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Cgroups that a job makes inside its own (it may, as root) are followed this deep.
enum { DEEPEST = 16 };

// Undoes the octal escapes of mountinfo, in place.
static void unescape(char *text) {
    char *to = text;
    for (char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

// Whether a word stands in a list that commas separate.
static bool lists(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        if (*at == ',') at++;
        if (!strncmp(at, word, length) && (at[length] == ',' || at[length] == 0)) return true;
    }
    return false;
}

// Whether a line of mountinfo is that of v2, or, with a controller, of its hierarchy in v1.
static bool is_mount(char *line, const char *controller) {
    line[strcspn(line, "\n")] = 0;
    if (!controller) return strstr(line, " - cgroup2 ") != NULL;
    char *kind = strstr(line, " - cgroup ");
    char *options = kind ? strrchr(kind, ' ') : NULL;
    return options && lists(options + 1, controller);
}

// Where the hierarchy is mounted, and which of its directories is the mount's root.
static bool find_mount(const char *controller, char mount[4096], char root[4096]) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file) return false;
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    while (!found && getline(&line, &capacity, file) > 0) {
        if (!is_mount(line, controller)) continue;
        found = sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) == 2;
    }
    free(line);
    fclose(file);
    if (found) unescape(mount), unescape(root);
    return found;
}

// The path of init's own cgroup within the hierarchy.
static bool find_own(const char *controller, char own[4096]) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return false;
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    while (!found && getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        // NUMBER:CONTROLLERS:PATH; v2 lists no controllers.
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        bool is_it = controller ? lists(controllers + 1, controller) : controllers[1] == 0;
        found = is_it && strlen(path) < 4096;
        if (found) strcpy(own, path);
    }
    free(line);
    fclose(file);
    return found;
}

static bool write_file(int directory, const char *name, const char *text) {
    int file = openat(directory, name, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    size_t length = strlen(text);
    ssize_t written;
    do {
        written = write(file, text, length);
    } while (written < 0 && errno == EINTR);
    close(file);
    return written == (ssize_t)length;
}

bool cgroup_write(const struct cgroup *group, const char *name, const char *text) {
    return group->directory >= 0 && write_file(group->directory, name, text);
}

bool cgroup_move(const struct cgroup *group, pid_t pid) {
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)pid);
    return write_file(group->directory, "cgroup.procs", text);
}

bool cgroup_create(struct cgroup *group, const char *controller, const char *name) {
    static char mount[4096], root[4096], own[4096];
    group->directory = group->parent = -1;
    if (!find_mount(controller, mount, root) || !find_own(controller, own)) return false;
    // Seen through a mount of a part of the hierarchy, paths below that part are shorter.
    const char *below = own;
    size_t root_length = strcmp(root, "/") ? strlen(root) : 0;
    if (!strncmp(own, root, root_length)) below += root_length;
    int written = snprintf(
        group->path, sizeof group->path, "%s%s/shunt-%s", mount, strcmp(below, "/") ? below : "",
        name);
    // A path that init.ready could not hold could not be cleaned up after init's death.
    if (written < 0 || written >= 1000) return false;
    snprintf(group->leaf, sizeof group->leaf, "shunt-%s", name);
    char *slash = strrchr(group->path, '/');
    *slash = 0;
    group->parent = open(group->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (group->parent < 0) return false;
    bool made = mkdirat(group->parent, group->leaf, 0755) == 0 || errno == EEXIST;
    if (made) {
        group->directory =
            openat(group->parent, group->leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    // One that is left of an init that died before its barrier is empty and is used again; with
    // processes in it, it is somebody else's.
    if (group->directory >= 0 && !cgroup_populated(group)) return true;
    if (group->directory >= 0) close(group->directory);
    close(group->parent);
    group->directory = group->parent = -1;
    return false;
}

bool cgroup_populated(const struct cgroup *group) {
    char text[256];
    if (group->directory < 0) return false;
    if (read_small_file(group->directory, "cgroup.events", text, sizeof text) < 0) return false;
    return strstr(text, "populated 1") != NULL;
}

// Calls `visit` for the directory and every one below it, the deepest first.
static void walk(int directory, int depth, void (*visit)(int directory, void *context),
                 void *context) {
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    if (again >= 0 && !listing) close(again);
    struct dirent *entry;
    while (listing && depth < DEEPEST && (entry = readdir(listing))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        int child = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (child < 0) continue;
        walk(child, depth + 1, visit, context);
        close(child);
    }
    if (listing) closedir(listing);
    visit(directory, context);
}

struct signalling {
    int signal;
    int count;
};

static void signal_members(int directory, void *context) {
    struct signalling *signalling = context;
    int file = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *members = file < 0 ? NULL : fdopen(file, "r");
    if (!members) {
        if (file >= 0) close(file);
        return;
    }
    int pid;
    while (fscanf(members, "%d", &pid) == 1) {
        // 0 is a process of another PID namespace that this one cannot name.
        if (pid > 0 && kill(pid, signalling->signal) == 0) signalling->count++;
    }
    fclose(members);
}

int cgroup_signal(const struct cgroup *group, int signal) {
    struct signalling signalling = {.signal = signal};
    if (group->directory >= 0) walk(group->directory, 0, signal_members, &signalling);
    return signalling.count;
}

void cgroup_kill(const struct cgroup *group) {
    if (group->directory < 0) return;
    if (!group->kill_members && write_file(group->directory, "cgroup.kill", "1\n")) return;
    // Before Linux 5.14: frozen, no member forks between the listing and its signal. Before 5.2
    // there is nothing to freeze with, and the caller's repetition wins.
    write_file(group->directory, "cgroup.freeze", "1\n");
    for (int round = 0; round < 16 && cgroup_signal(group, SIGKILL) > 0; round++) {
        write_file(group->directory, "cgroup.freeze", "0\n");
        if (!cgroup_populated(group)) break;
        poll(NULL, 0, 1);
    }
    write_file(group->directory, "cgroup.freeze", "0\n");
}

static void remove_children(int directory, void *context) {
    (void)context;
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    if (again >= 0 && !listing) close(again);
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            unlinkat(directory, entry->d_name, AT_REMOVEDIR);
        }
    }
    if (listing) closedir(listing);
}

bool cgroup_remove(struct cgroup *group) {
    if (group->directory < 0) return true;
    walk(group->directory, 0, remove_children, NULL);
    if (unlinkat(group->parent, group->leaf, AT_REMOVEDIR) < 0 && errno != ENOENT) return false;
    close(group->directory);
    close(group->parent);
    group->directory = group->parent = -1;
    return true;
}
