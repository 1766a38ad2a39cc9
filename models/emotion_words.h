/* Where people rated the 27 emotions' words: pleasure (valence), arousal and dominance. Facts with
 * their source; lowlevel, synthetic labels and the Wasserstein distance share them. */
#ifndef HEDON_MODELS_EMOTION_WORDS_H
#define HEDON_MODELS_EMOTION_WORDS_H

enum { HEDON_PLEASURE, HEDON_AROUSAL, HEDON_DOMINANCE, HEDON_PAD };

/** Mean ratings of the emotion's word, from 1 to 9; emotion is 0..26 in VCE's order. */
const double *hedon_emotion_word(int emotion);
/** The same, standardised by mean and standard deviation over all words of the norms. */
double hedon_emotion_word_standard(int emotion, int dimension);

#endif
