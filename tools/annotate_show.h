/* What hedon annotate shows: a bar or plain lines for people, events for machines, a summary. */
#ifndef HEDON_TOOLS_ANNOTATE_SHOW_H
#define HEDON_TOOLS_ANNOTATE_SHOW_H

#include "annotate/annotate.h"
#include "annotate/estimate.h"
#include "base/progress.h"

typedef struct HedonAnnotateShow {
    char store[512]; /* its name, for messages */
    int json, quiet;
    double every_s; /* between plain lines and progress events */
    HedonProgress bar;
    double shown_s;
    int begun; /* there is a run */
} HedonAnnotateShow;

/** Ready to show; fill json, quiet and every_s before. place: the store, of which no password is
 *  shown. */
void hedon_annotate_show_start(HedonAnnotateShow *show, const char *place);
/** For hedon_annotate; borrows show. */
HedonAnnotateCallbacks hedon_annotate_show_callbacks(HedonAnnotateShow *show);
/** The end: what was done, each stage's use, what to do about an interruption. code and sentence
 * are hedon_annotate's; returns the exit status. */
int hedon_annotate_show_end(HedonAnnotateShow *show, int code, const char *sentence,
                            const HedonAnnotateState *state);
/** What --estimate prints; returns the exit status. */
int hedon_annotate_show_estimate(HedonAnnotateShow *show, int code, const char *sentence,
                                 const HedonAnnotateEstimate *estimate);
/** "3 s", "4 min", "2 h 10 min", "3 days 4 h". */
void hedon_annotate_show_time(char *text, size_t size, double seconds);

#endif
