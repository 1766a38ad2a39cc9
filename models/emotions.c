/* The 27 emotions of VCE (Mazeika et al. 2022, after Cowen & Keltner 2017), in its class order. */
#include "hedon.h"

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
