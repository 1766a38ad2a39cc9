/* Where people rated the words of the 27 emotions, on pleasure (valence), arousal and dominance.
 * docs/lowlevel.md, [W13], tells the source and which word stands for which emotion. */
#ifndef HEDON_MODELS_EMOTION_NORMS_H
#define HEDON_MODELS_EMOTION_NORMS_H

#include "hedon.h"

enum { HEDON_PLEASURE, HEDON_AROUSAL, HEDON_DOMINANCE, HEDON_PAD };

/** Emotion's (VCE's order) mean rating on a dimension, in standard deviations from the mean over
 * all of the norms' words. */
double hedon_emotion_norm(int emotion, int dimension);

#endif
