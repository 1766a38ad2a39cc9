/* The zoo: architectures by name. Adding one is a file and a line here. */
#include <string.h>

#include "models/model.h"
#include "models/zoo.h"

static const HedonArchitecture *const architectures[] = {
    &hedon_r2plus1d_18, &hedon_mc3_18, &hedon_r3d_18, &hedon_r2plus1d_tiny, &hedon_lowlevel, NULL,
};

const HedonArchitecture *const *hedon_architectures(void)
{
    return architectures;
}

const HedonArchitecture *hedon_architecture_find(const char *name)
{
    for (int i = 0; architectures[i]; i++)
        if (!strcmp(architectures[i]->name, name)) return architectures[i];
    return NULL;
}
