#include "datasets/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const HedonFaultInfo infos[HEDON_FAULT_KINDS] = {
    [HEDON_FAULT_FILE] = {"file", "files missing or not what they should be", 0},
    [HEDON_FAULT_VALUE] = {"value", "entries of the wrong type", 0},
    [HEDON_FAULT_DUPLICATE_ID] = {"duplicate_id", "videos labelled twice in one split", 0},
    [HEDON_FAULT_SHARED_ID] = {"shared_id", "videos in two splits", 0},
    [HEDON_FAULT_RANGE] = {"range", "intensities outside 0..1", 0},
    [HEDON_FAULT_UNKNOWN_EMOTION] = {"unknown_emotion", "unknown emotions", 0},
    [HEDON_FAULT_MISSING_EMOTION] = {"missing_emotion", "labels without all 27 emotions", 0},
    [HEDON_FAULT_TOP] = {"top_k", "topK that disagrees with the intensities", 0},
    [HEDON_FAULT_SELF_PAIR] = {"self_pair", "videos compared with themselves", 0},
    [HEDON_FAULT_UNKNOWN_ID] = {"unknown_id", "labelled videos that metadata does not know", 0},
    [HEDON_FAULT_DUPLICATE_PAIR] = {"duplicate_pair", "pairs given twice", 0},
    [HEDON_FAULT_CONTRADICTION] = {"contradiction", "contradictory pairs", 0},
    [HEDON_FAULT_CYCLE] = {"cycle", "cycles of comparisons", 0},
    [HEDON_FAULT_MISSING_VIDEO] = {"missing_video", "videos missing", 0},
    [HEDON_FAULT_UNREADABLE_VIDEO] = {"unreadable_video", "videos unreadable or damaged", 0},
    [HEDON_FAULT_JOINT_LEAK] = {"joint_leak", "videos of one's training in the other's test", 1},
};

const HedonFaultInfo *hedon_fault_info(HedonFaultKind kind)
{
    return &infos[kind];
}

void hedon_faults_init(HedonFaults *faults, int most)
{
    *faults = (HedonFaults){.most = most};
}

void hedon_faults_free(HedonFaults *faults)
{
    hedon_arena_free(&faults->arena);
    memset(faults, 0, sizeof(*faults));
}

int hedon_faults_add(HedonContext *ctx, HedonFaults *faults, HedonFaultKind kind, const char *fmt,
                     ...)
{
    faults->count[kind]++;
    if (faults->examples[kind] >= faults->most) return 0;
    char sentence[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    if (!faults->example[kind])
        faults->example[kind] =
            hedon_arena_alloc(&faults->arena, (size_t)faults->most, sizeof(char *));
    const char *kept = faults->example[kind] ? hedon_arena_strdup(&faults->arena, sentence) : NULL;
    if (!kept) return hedon_fail_memory(ctx);
    faults->example[kind][faults->examples[kind]++] = kept;
    return 0;
}

int64_t hedon_faults_total(const HedonFaults *faults)
{
    int64_t total = 0;
    for (int kind = 0; kind < HEDON_FAULT_KINDS; kind++)
        if (!infos[kind].is_note) total += faults->count[kind];
    return total;
}
