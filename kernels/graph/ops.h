/* The operations' table: what an operation is called, takes, gives and costs. One file each under
 * kernels/graph/op_*.c; adding one is a file, an enum member and a line in ops.c. */
#ifndef HEDON_KERNELS_GRAPH_OPS_H
#define HEDON_KERNELS_GRAPH_OPS_H

#include "kernels/graph/graph.h"

typedef struct HedonOperation {
    const char *name;
    int min_inputs, max_inputs, outputs;
    /** Fill the `outputs` shapes from input shapes (inputs[i] is NULL where optional and absent); 0,
     *  or HEDON_EINVAL with a sentence in message. */
    int (*infer)(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                 HedonShape *output, char *message, size_t room);
    double (*flops)(const HedonShape *const *inputs, const HedonShape *output,
                    const HedonAttributes *attributes);
    /** Append the attributes as " stride 1,2,2" and so on; NULL when there are none. */
    void (*describe)(const HedonAttributes *attributes, char *text, size_t room);
    /** Append nodes that give dx[i], the gradient of input i, for each bit i of `wanted`, from the
     *  gradients dy of the outputs (HEDON_NONE: zero). dx comes filled with HEDON_NONE and may stay so
     *  for what is taken as constant. NULL: the operation has no gradient. */
    void (*backward)(HedonGraph *graph, const HedonNode *node, const HedonValueId *dy,
                     unsigned wanted, HedonValueId *dx);
} HedonOperation;

const HedonOperation *hedon_operation(HedonOpKind kind);

/** `infer` of operations whose output has the shape of the first input. */
int hedon_infer_same(const HedonShape *const *inputs, int count, const HedonAttributes *attributes,
                     HedonShape *output, char *message, size_t room);
/** `flops` of operations that do one for each element of the first output. */
double hedon_flops_elementwise(const HedonShape *const *inputs, const HedonShape *output,
                               const HedonAttributes *attributes);
int hedon_shape_equal(const HedonShape *a, const HedonShape *b);

#endif
