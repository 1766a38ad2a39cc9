#ifndef HEDON_BASE_CLOCK_H
#define HEDON_BASE_CLOCK_H

/** Seconds of the monotonic clock. */
double hedon_clock_s(void);
/** Give way for a moment while polling since `since_s`: to other threads at first, since most waits are
 *  short, then for 50 microseconds at a time. */
void hedon_nap(double since_s);
/** Processor time that the calling thread, or this whole process, has used; seconds. */
double hedon_thread_cpu_s(void);
double hedon_process_cpu_s(void);
/** Cores that this process may run on (its affinity mask), at least 1. */
int hedon_cpu_count(void);

#endif
