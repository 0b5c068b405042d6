/* Ends a process by SIGKILL after one of its steps: a system call that changes what is in a folder.
 *
 * Loaded with LD_PRELOAD. RUNLAKE_TEST_STEPS names a file of three u64 that both have mapped: the step after which to die, 0 for
 * none; the steps done; how often a process died so. RUNLAKE_TEST_ROOT is the folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

struct control {
    uint64_t last;
    uint64_t done;
    uint64_t deaths;
};

static struct control *control;
static const char *root;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("RUNLAKE_TEST_STEPS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    root = getenv("RUNLAKE_TEST_ROOT");
    close(file);
    if (map != MAP_FAILED)
        control = map;
}

static void step(const char *path)
{
    if (!control || !root || strncmp(path, root, strlen(root)) != 0)
        return;
    if (__atomic_add_fetch(&control->done, 1, __ATOMIC_SEQ_CST) == control->last) {
        control->deaths++;
        kill(getpid(), SIGKILL);
    }
}

static void step_of(int file)
{
    char link[64], path[PATH_MAX];
    if (!control)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    step(path);
}

#define REAL(answer, name, ...)                          \
    static answer (*real)(__VA_ARGS__);                  \
    if (!real)                                           \
        real = (answer(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define ON_A_FILE(answer, name, parameters, arguments, ...) \
    answer name parameters                                  \
    {                                                       \
        REAL(answer, #name, __VA_ARGS__);                   \
        answer done = real arguments;                       \
        step_of(file);                                      \
        return done;                                        \
    }

ON_A_FILE(int, fsync, (int file), (file), int)
ON_A_FILE(int, fdatasync, (int file), (file), int)
ON_A_FILE(int, ftruncate, (int file, off_t size), (file, size), int, off_t)
ON_A_FILE(int, ftruncate64, (int file, off_t size), (file, size), int, off_t)
ON_A_FILE(ssize_t, write, (int file, const void *from, size_t size), (file, from, size), int, const void *, size_t)
ON_A_FILE(ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at), int,
          const void *, size_t, off_t)
ON_A_FILE(ssize_t, pwrite64, (int file, const void *from, size_t size, off_t at), (file, from, size, at), int,
          const void *, size_t, off_t)

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    int done = real(from, to);
    step(to);
    return done;
}

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    int done = real(path);
    step(path);
    return done;
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    int done = real(path, mode);
    step(path);
    return done;
}
