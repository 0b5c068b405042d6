/* A file system without hard links: what a FUSE server that is started with it in LD_PRELOAD serves. */
#include <errno.h>

int link(const char *from, const char *to)
{
    (void)from, (void)to;
    errno = EPERM; /* as FAT says */
    return -1;
}

int linkat(int at, const char *from, int other, const char *to, int flags)
{
    (void)at, (void)other, (void)flags;
    return link(from, to);
}
