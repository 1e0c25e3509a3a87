/* How threads share the parts of a piece of work. Whoever comes takes parts until there are none; a stage is
   over when all its parts are done, wherever the threads are. So one that is late, or that the system has put
   aside, is not waited for, unless in the midst of a part. */

#ifndef YSNAKES_SHARING_H
#define YSNAKES_SHARING_H

#include <stdint.h>

#if defined(_WIN32)
__declspec(dllimport) int __stdcall SwitchToThread(void);
#define GIVE_AWAY() SwitchToThread()
#else
#include <sched.h>
#define GIVE_AWAY() sched_yield()
#endif

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE() ((void)0)
#endif

#define SPINS 1000 /* some tens of microseconds, before the core is given away between two looks */
#define MOST_PARTS 65535

/* A stage, on a cache line of its own; `taken` holds the number of the work (32 bits) and how many parts were
   taken from the front and from the back (16 each), `done` how many were done in all works together. */
typedef struct {
    uint64_t taken, done, unused[6];
} Stage;

/* Take a part of `parts`: its number; -1 if there is none left, -2 if that work is over. Every second thread
   takes from the back, so that each meets the same part of a weight again, which its cache may hold. */
static int64_t take(Stage *stage, uint64_t work, int64_t parts, int64_t thread) {
    uint64_t seen = __atomic_load_n(&stage->taken, __ATOMIC_ACQUIRE);
    for (;;) {
        if (seen >> 32 != work) return -2;
        int64_t front = (int64_t)(seen >> 16 & 0xffff), back = (int64_t)(seen & 0xffff);
        if (front + back >= parts) return -1;
        uint64_t next = seen + (thread & 1 ? 1 : 1 << 16);
        if (__atomic_compare_exchange_n(&stage->taken, &seen, next, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return thread & 1 ? parts - 1 - back : front;
    }
}

static void part_is_done(Stage *stage) { __atomic_fetch_add(&stage->done, 1, __ATOMIC_ACQ_REL); }

static void wait_for(Stage *stage, uint64_t done) {
    for (int64_t spins = 0; __atomic_load_n(&stage->done, __ATOMIC_ACQUIRE) < done; spins++) {
        if (spins < SPINS)
            PAUSE();
        else
            GIVE_AWAY();
    }
}

#endif
