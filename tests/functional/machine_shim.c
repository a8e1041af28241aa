/* Preloaded into the server: makes chosen system calls on paths under a chosen folder fail, or wait until they are let
 * go, and moves the wall clock. What it does is read at every call from a file that the test shares with it
 * (ONRECORD_MACHINE); machine.py has the same layout. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_WRITE = 1, OPEN_READ = 2, WRITE = 4, SYNC = 8, RESIZE = 16, NAME = 32, READ = 64 };

struct rule {
    volatile uint32_t calls; /* what it strikes; 0: nothing */
    volatile int32_t error;  /* errno of a call that fails; 0: none */
    volatile uint32_t held;  /* calls wait as long as this is not 0 */
    volatile uint32_t hits;  /* calls that were struck or held */
    volatile int32_t passing; /* so many calls pass before */
    char path[236];
};

struct control {
    volatile int64_t clock_step; /* nanoseconds beside the real wall clock */
    volatile uint32_t calls;     /* of all rules together */
    uint32_t padding;
    struct rule rules[8];
};

static struct control nothing;
static struct control *control = &nothing;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("ONRECORD_MACHINE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) control = shared;
}

static int within(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == 0 || path[length] == '/' || path[length] == '-');
}

/* The errno with which the call fails, 0 where it goes on. */
static int struck(uint32_t call, const char *path) {
    for (int i = 0; i < 8; i++) {
        struct rule *rule = &control->rules[i];
        if (!(rule->calls & call) || !within(path, rule->path)) continue;
        if (rule->passing > 0 && __sync_fetch_and_sub(&rule->passing, 1) > 0) continue;
        __sync_fetch_and_add(&rule->hits, 1);
        while (rule->held) usleep(500);
        if (rule->error && (rule->calls & call)) return rule->error;
    }
    return 0;
}

static int struck_file(uint32_t call, int file) {
    char link[32], path[4096];
    if (!(control->calls & call)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return struck(call, path);
}

static int struck_path(uint32_t call, int folder, const char *path) {
    char whole[8192];
    if (!(control->calls & call) || !path) return 0;
    if (path[0] == '/') return struck(call, path);
    char link[40], base[4096];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return 0;
    base[length] = 0;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return struck(call, whole);
}

#define FAIL_IF(struck_as) do { int error = (struck_as); if (error) { errno = error; return -1; } } while (0)

static uint32_t opening(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT ? OPEN_WRITE : OPEN_READ;
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        MODE(flags, mode) \
        REAL(name); \
        FAIL_IF(struck_path(opening(flags), AT_FDCWD, path)); \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        MODE(flags, mode) \
        REAL(name); \
        FAIL_IF(struck_path(opening(flags), folder, path)); \
        return real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

#define ON_FILE(type, name, call, arguments, ...) \
    type name arguments { \
        REAL(name); \
        FAIL_IF(struck_file(call, file)); \
        return real(__VA_ARGS__); \
    }
ON_FILE(ssize_t, write, WRITE, (int file, const void *from, size_t size), file, from, size)
ON_FILE(ssize_t, pwrite, WRITE, (int file, const void *from, size_t size, off_t at), file, from, size, at)
ON_FILE(ssize_t, pwrite64, WRITE, (int file, const void *from, size_t size, off64_t at), file, from, size, at)
ON_FILE(ssize_t, writev, WRITE, (int file, const struct iovec *from, int count), file, from, count)
ON_FILE(ssize_t, read, READ, (int file, void *to, size_t size), file, to, size)
ON_FILE(ssize_t, pread, READ, (int file, void *to, size_t size, off_t at), file, to, size, at)
ON_FILE(ssize_t, pread64, READ, (int file, void *to, size_t size, off64_t at), file, to, size, at)
ON_FILE(int, fsync, SYNC, (int file), file)
ON_FILE(int, fdatasync, SYNC, (int file), file)
ON_FILE(int, ftruncate, RESIZE, (int file, off_t size), file, size)
ON_FILE(int, ftruncate64, RESIZE, (int file, off64_t size), file, size)
ON_FILE(int, fallocate, RESIZE, (int file, int mode, off_t at, off_t size), file, mode, at, size)

#define ON_PATH(name, arguments, path, ...) \
    int name arguments { \
        REAL(name); \
        FAIL_IF(struck_path(NAME, AT_FDCWD, path)); \
        return real(__VA_ARGS__); \
    }
ON_PATH(rename, (const char *from, const char *to), to, from, to)
ON_PATH(link, (const char *from, const char *to), to, from, to)
ON_PATH(unlink, (const char *path), path, path)
ON_PATH(mkdir, (const char *path, mode_t mode), path, path, mode)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(clock, now);
    int64_t step = control->clock_step;
    if (!done && step && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t moved = now->tv_sec * 1000000000LL + now->tv_nsec + step;
        now->tv_sec = moved / 1000000000LL;
        now->tv_nsec = moved % 1000000000LL;
    }
    return done;
}

time_t time(time_t *now) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (now) *now = moment.tv_sec;
    return moment.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    now->tv_sec = moment.tv_sec;
    now->tv_usec = moment.tv_nsec / 1000;
    return 0;
}
