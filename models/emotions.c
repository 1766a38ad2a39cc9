/* The 27 emotions of VCE (Mazeika et al. 2022, after Cowen & Keltner 2017), in its class order. */
#include "models/emotions.h"

#include <stddef.h>

static const char *const emotions[HEDON_EMOTIONS] = {
    "Admiration",      "Adoration",     "Aesthetic Appreciation",
    "Amusement",       "Anger",         "Anxiety",
    "Awe (or Wonder)", "Awkwardness",   "Boredom",
    "Calmness",        "Confusion",     "Craving",
    "Disgust",         "Empathic Pain", "Entrancement",
    "Excitement",      "Fear",          "Horror",
    "Interest",        "Joy",           "Nostalgia",
    "Relief",          "Romance",       "Sadness",
    "Satisfaction",    "Sexual Desire", "Surprise",
};

const char *hedon_emotion_name(int index)
{
    return index >= 0 && index < HEDON_EMOTIONS ? emotions[index] : NULL;
}

void hedon_emotions_top(const double intensities[HEDON_EMOTIONS], int top[3])
{
    int taken[HEDON_EMOTIONS] = {0};
    for (int place = 0; place < 3; place++) {
        int best = -1; /* the first of equals: the order is alphabetical */
        for (int i = 0; i < HEDON_EMOTIONS; i++)
            if (!taken[i] && (best < 0 || intensities[i] > intensities[best])) best = i;
        taken[best] = 1;
        top[place] = best;
    }
}
