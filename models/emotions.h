/* The strongest of 27 intensities, as results list them. */
#ifndef HEDON_MODELS_EMOTIONS_H
#define HEDON_MODELS_EMOTIONS_H

#include "hedon.h"

/** The three strongest, strongest first; ties in alphabetical order. */
void hedon_emotions_top(const double intensities[HEDON_EMOTIONS], int top[3]);

#endif
