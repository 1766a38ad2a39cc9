#include "models/emotion_norms.h"

/* Mean ratings of valence, arousal and dominance, from 1 to 9, of one word for each of the 27
 * emotions, in VCE's order: columns V.Mean.Sum, A.Mean.Sum, D.Mean.Sum of [W13]. Where the name is
 * not in the norms, the word stands beside it; that choice is ours. */
static const double ratings[HEDON_EMOTIONS][HEDON_PAD] = {
    {7.58, 5.52, 6.11}, /* admiration */
    {6.47, 4.36, 6.54}, /* adoration */
    {7.30, 4.68, 6.63}, /* Aesthetic Appreciation: appreciation */
    {7.00, 4.82, 6.59}, /* amusement */
    {2.50, 5.93, 5.14}, /* anger */
    {2.38, 4.78, 3.39}, /* anxiety */
    {6.85, 3.83, 5.85}, /* Awe (or Wonder): awe */
    {3.86, 4.65, 4.13}, /* awkwardness */
    {2.77, 2.58, 5.04}, /* boredom */
    {6.89, 1.67, 7.44}, /* Calmness: calm */
    {3.32, 4.64, 3.08}, /* confusion */
    {5.41, 5.04, 5.00}, /* Craving: crave */
    {3.32, 5.00, 4.84}, /* disgust */
    {2.00, 6.27, 3.47}, /* Empathic Pain: pain */
    {6.80, 5.29, 5.22}, /* Entrancement: enchantment */
    {7.62, 6.21, 6.33}, /* excitement */
    {2.93, 6.14, 3.32}, /* fear */
    {3.38, 6.13, 3.49}, /* horror */
    {6.66, 4.36, 6.31}, /* interest */
    {8.21, 5.55, 7.00}, /* joy */
    {6.65, 4.38, 5.36}, /* nostalgia */
    {6.63, 4.42, 5.64}, /* relief */
    {7.28, 6.06, 5.00}, /* romance */
    {2.40, 2.81, 3.84}, /* sadness */
    {7.18, 3.18, 6.44}, /* satisfaction */
    {7.05, 6.20, 6.07}, /* Sexual Desire: desire */
    {7.44, 6.57, 5.17}, /* surprise */
};

/* Mean and standard deviation of those columns over all 13,915 words of [W13]. */
static const double norm_mean[HEDON_PAD] = {5.0638, 4.2106, 5.1848};
static const double norm_deviation[HEDON_PAD] = {1.2749, 0.8964, 0.9383};

double hedon_emotion_norm(int emotion, int dimension)
{
    return (ratings[emotion][dimension] - norm_mean[dimension]) / norm_deviation[dimension];
}
