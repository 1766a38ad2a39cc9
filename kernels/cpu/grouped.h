/* Any convolution, groups and dilation included, in plain loops over nthwc16: for shapes that
 * neither our fast kernels nor oneDNN take. */
#ifndef HEDON_KERNELS_CPU_GROUPED_H
#define HEDON_KERNELS_CPU_GROUPED_H

#include "kernels/cpu/cpu.h"

/** x[0] the input, x[1] the residual or NULL; step->as.grouped. */
void cpu_grouped_run(const CpuStep *step, const CpuArguments *arguments);

#endif
