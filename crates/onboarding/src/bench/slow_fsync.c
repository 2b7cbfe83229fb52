/* Makes each fsync and fdatasync of a program take longer, by so many microseconds as
   SLOW_FSYNC_US says. Preloaded into Postgres; see slow_disk.rs. Postgres syncs its WAL with
   fdatasync, and data files with fsync; it does not wait for sync_file_range. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct timespec longer;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void prepare(void)
{
    const char *told = getenv("SLOW_FSYNC_US");
    long us = told ? atol(told) : 0;
    longer.tv_sec = us / 1000000;
    longer.tv_nsec = us % 1000000 * 1000;
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
}

static void wait_longer(void)
{
    struct timespec left = longer;
    int before = errno;
    if (left.tv_sec || left.tv_nsec)
        while (nanosleep(&left, &left) && errno == EINTR)
            ;
    errno = before;
}

int fsync(int file)
{
    wait_longer();
    return real_fsync(file);
}

int fdatasync(int file)
{
    wait_longer();
    return real_fdatasync(file);
}
