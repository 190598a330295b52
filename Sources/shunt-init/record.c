// Records are text: a first line `shunt-KIND 1`, lines `key=value`, a last line `end`. Values hold
// no newline. A reader that does not find the last line has no record.

#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void record_begin(struct record *record, const char *kind) {
    record->length = (size_t)snprintf(record->text, sizeof record->text, "shunt-%s 1\n", kind);
}

void record_add(struct record *record, const char *key, const char *format, ...) {
    char value[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    for (char *at = value; *at; at++) {
        if (*at == '\n') *at = ' ';
    }
    size_t room = sizeof record->text - record->length;
    int needed = snprintf(record->text + record->length, room, "%s=%s\n", key, value);
    // The fixed set of keys fits; a value that would not is left out whole, room for `end` stays.
    if (needed < 0 || (size_t)needed + sizeof "end\n" > room) {
        record->text[record->length] = 0;
    } else {
        record->length += (size_t)needed;
    }
}

static int write_all(int file, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

static int write_and_sync(int file, const struct record *record, bool durable) {
    int error = write_all(file, record->text, record->length);
    if (!error) error = write_all(file, "end\n", 4);
    // Cuts off what was reserved; the length of the record is where the writing ended.
    if (!error && ftruncate(file, (off_t)record->length + 4) < 0) error = errno;
    if (!error && durable && fsync(file) < 0) error = errno;
    return error;
}

int record_write(int directory, struct record *record, const char *name, bool durable) {
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int file = openat(directory, temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int error = write_and_sync(file, record, durable);
    close(file);
    if (error) return error;
    if (renameat(directory, temporary, directory, name) < 0) return errno;
    if (durable && fsync(directory) < 0) return errno;
    return 0;
}

void record_reserve(int directory, const char *name) {
    static const char zeros[4096];
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int file = openat(directory, temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    // Best effort: without the reservation, writing the record is tried until there is space.
    (void)write_all(file, zeros, sizeof zeros);
    close(file);
}

bool record_exists(int directory, const char *name) {
    return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_wall_ms(void) { return milliseconds(CLOCK_REALTIME); }

int64_t now_boot_ms(void) { return milliseconds(CLOCK_BOOTTIME); }

void read_boot_id(char id[40]) {
    if (read_small_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, 40) < 0) id[0] = 0;
    id[strcspn(id, "\n")] = 0;
}

ssize_t read_small_file(int directory, const char *path, char *buffer, size_t capacity) {
    int file = openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t length = 0;
    while (length < capacity - 1) {
        ssize_t count = read(file, buffer + length, capacity - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            int error = errno;
            close(file);
            errno = error;
            return -1;
        }
        if (count == 0) break;
        length += (size_t)count;
    }
    close(file);
    buffer[length] = 0;
    return (ssize_t)length;
}
