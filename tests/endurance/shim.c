/* Bad clocks and bad disks for one process, set by another through a file that both have mapped.
 *
 * Loaded with LD_PRELOAD. RUNLAKE_TEST_SHIM names the file: i64 added to the wall clock in ns, u32 whether the syncing of
 * files in the folder `journals` fails with EIO, u32 whether that of all other files does, u64 how often one has failed,
 * u32 whether a chunk whose syncing fails loses its first points, as pages that the system calls clean may be dropped.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t clock_offset_ns;
    uint32_t journals_fail;
    uint32_t others_fail;
    uint64_t failed;
    uint32_t forgets;
    uint32_t unused;
};

static volatile struct control *control;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("RUNLAKE_TEST_SHIM");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED)
        control = map;
}

static void shift(struct timespec *time)
{
    int64_t ns = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + control->clock_offset_ns;
    time->tv_nsec = (ns % 1000000000 + 1000000000) % 1000000000; /* not negative, also before 1970 */
    time->tv_sec = (ns - time->tv_nsec) / 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, time);
    if (answer == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        shift(time);
    return answer;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}

static void forget(int file)
{
    static const char zeros[4096];
    if (pwrite(file, zeros, sizeof zeros, sizeof zeros) < 0)
        abort();
}

static int refuses(int file)
{
    char link[64], path[4096];
    if (!control || !(control->journals_fail || control->others_fail))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    if (!(strstr(path, "/journals/") ? control->journals_fail : control->others_fail))
        return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    if (control->forgets && strstr(path, ".journal"))
        forget(file);
    errno = EIO;
    return 1;
}

int fdatasync(int file)
{
    return refuses(file) ? -1 : (int)syscall(SYS_fdatasync, file);
}

int fsync(int file)
{
    return refuses(file) ? -1 : (int)syscall(SYS_fsync, file);
}
