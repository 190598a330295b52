// What the command's environment gets from memory-backed files. The launch file, which is on a
// disk, has their names alone.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The kernel takes no longer variable.
enum { LARGEST = 128 << 10 };

// `NAME=` and the bytes of the file of that name, or NULL with errno.
static char *read_variable(int directory, const char *name) {
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return NULL;
    struct stat status;
    char *variable = NULL;
    if (fstat(file, &status) == 0) {
        errno = EBADMSG;
        if (S_ISREG(status.st_mode) && status.st_size < LARGEST) {
            variable = calloc(1, strlen(name) + 2 + (size_t)status.st_size);
        }
    }
    size_t length = 0, size = variable ? (size_t)status.st_size : 0;
    char *value = variable;
    if (variable) {
        value = stpcpy(variable, name);
        *value++ = '=';
    }
    while (length < size) {
        ssize_t count = read(file, value + length, size - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += (size_t)count;
    }
    int error = errno;
    close(file);
    errno = error;
    if (!variable) return NULL;
    if (length != size || strlen(value) != size) {
        errno = EBADMSG;
        return NULL;
    }
    return variable;
}

static bool is_secret(const struct launch *launch, const char *variable) {
    size_t length = strcspn(variable, "=");
    for (char **name = launch->secrets; *name; name++) {
        if (strlen(*name) == length && !strncmp(*name, variable, length)) return true;
    }
    return false;
}

char **secrets_environment(const struct launch *launch) {
    size_t known = 0, secrets = 0, count = 0;
    while (launch->env[known]) known++;
    while (launch->secrets[secrets]) secrets++;
    char **env = calloc(known + secrets + 1, sizeof(char *));
    int directory = open(launch->secrets_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!env || directory < 0) return NULL;
    for (size_t index = 0; index < known; index++) {
        if (!is_secret(launch, launch->env[index])) env[count++] = launch->env[index];
    }
    for (size_t index = 0; index < secrets; index++) {
        env[count] = read_variable(directory, launch->secrets[index]);
        if (!env[count++]) return NULL;
    }
    close(directory);
    return env;
}
