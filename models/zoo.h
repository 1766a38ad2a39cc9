/* The architectures, one file each. */
#ifndef HEDON_MODELS_ZOO_H
#define HEDON_MODELS_ZOO_H

#include "models/model.h"

extern const HedonArchitecture hedon_r2plus1d_18, hedon_mc3_18, hedon_r3d_18, hedon_r2plus1d_tiny,
    hedon_lowlevel;

#endif
