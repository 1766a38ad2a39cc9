/* Which frames to ask for next, and which places each of them fills. */
#include "decode/loader_schedule.h"

#include <stdlib.h>

#include "base/memory.h"

static int by_frame(const void *a, const void *b, void *frames)
{
    const int64_t *frame = frames, i = *(const int64_t *)a, j = *(const int64_t *)b;
    if (frame[i] != frame[j]) return frame[i] < frame[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

static int64_t places(const HedonSchedule *schedule)
{
    return (schedule->end - schedule->first) * schedule->clips->clip_frames;
}

static int64_t clip_of(const HedonSchedule *schedule, int64_t i)
{
    return schedule->order[i] / schedule->clips->clip_frames;
}

static void forget_progress(HedonSchedule *schedule)
{
    for (int64_t i = 0; i < schedule->end - schedule->first; i++) schedule->left[i] = -1;
    schedule->next = 0;
    schedule->started = schedule->finished = 0;
}

int hedon_schedule_make(HedonSchedule *schedule, const HedonClips *clips, int64_t first,
                        int64_t end)
{
    *schedule = (HedonSchedule){.clips = clips, .first = first, .end = end};
    int64_t count;
    if (first < 0 || first > end || end > clips->count || clips->clip_frames < 1 ||
        __builtin_mul_overflow(end, clips->clip_frames, &count))
        return HEDON_EINVAL;
    count = places(schedule);
    schedule->order = hedon_malloc((size_t)count, sizeof(int64_t));
    schedule->left = hedon_malloc((size_t)(end - first), sizeof(int64_t));
    if (!schedule->order || !schedule->left) {
        hedon_schedule_free(schedule);
        return HEDON_ENOMEM;
    }
    for (int64_t i = 0; i < count; i++) schedule->order[i] = first * clips->clip_frames + i;
    qsort_r(schedule->order, (size_t)count, sizeof(int64_t), by_frame, clips->frames);
    forget_progress(schedule);
    return 0;
}

void hedon_schedule_free(HedonSchedule *schedule)
{
    hedon_free(schedule->order);
    hedon_free(schedule->left);
    schedule->order = schedule->left = NULL;
}

/* Count in the clip of entry i of order; 1 when it is new. */
static int64_t touch(HedonSchedule *schedule, int64_t i)
{
    int64_t *left = &schedule->left[clip_of(schedule, i) - schedule->first];
    if (*left >= 0) return 0;
    *left = schedule->clips->clip_frames;
    schedule->started++;
    return 1;
}

int64_t hedon_schedule_overlap(const HedonSchedule *schedule)
{
    HedonSchedule rehearsal = *schedule; /* shares the arrays, and leaves them as new */
    int64_t most = 0;
    for (int64_t i = 0; i < places(&rehearsal); i++) {
        touch(&rehearsal, i);
        if (rehearsal.started - rehearsal.finished > most)
            most = rehearsal.started - rehearsal.finished;
        hedon_schedule_fill(&rehearsal, clip_of(&rehearsal, i));
    }
    forget_progress(&rehearsal);
    return most;
}

size_t hedon_schedule_chunk(HedonSchedule *schedule, int64_t *indices, size_t max, int64_t most,
                            int64_t *from, int64_t *to)
{
    const int64_t count = places(schedule);
    size_t taken = 0;
    *from = *to = schedule->next;
    while (*to < count && taken < max) {
        const int64_t frame = hedon_schedule_frame(schedule, *to);
        int64_t end = *to, fresh = 0;
        for (; end < count && hedon_schedule_frame(schedule, end) == frame; end++)
            fresh += schedule->left[clip_of(schedule, end) - schedule->first] < 0;
        if (taken && schedule->started + fresh - schedule->finished > most) break;
        for (; *to < end; ++*to) touch(schedule, *to);
        indices[taken++] = frame;
    }
    schedule->next = *to;
    return taken;
}

int hedon_schedule_has_more(const HedonSchedule *schedule)
{
    return schedule->next < (schedule->end - schedule->first) * schedule->clips->clip_frames;
}

int64_t hedon_schedule_frame(const HedonSchedule *schedule, int64_t i)
{
    return schedule->clips->frames[schedule->order[i]];
}

int64_t hedon_schedule_find(const HedonSchedule *schedule, int64_t from, int64_t to, int64_t frame)
{
    int64_t low = from, high = to;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (hedon_schedule_frame(schedule, middle) < frame)
            low = middle + 1;
        else
            high = middle;
    }
    return low < to && hedon_schedule_frame(schedule, low) == frame ? low : to;
}

void hedon_schedule_fill(HedonSchedule *schedule, int64_t clip)
{
    const int64_t clips = schedule->end - schedule->first;
    schedule->left[clip - schedule->first]--;
    while (schedule->finished < clips && !schedule->left[schedule->finished]) schedule->finished++;
}
