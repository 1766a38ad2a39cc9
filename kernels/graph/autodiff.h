/* Reverse-mode differentiation as a pass: the backward graph is ordinary nodes, which every backend
 * runs like any others. What an operation's gradient is stands in its own op_*.c. */
#ifndef HEDON_KERNELS_GRAPH_AUTODIFF_H
#define HEDON_KERNELS_GRAPH_AUTODIFF_H

#include "kernels/graph/graph.h"

/**
 * Append the nodes that compute the parameters' gradients, and register them (hedon_graph_gradient).
 *
 * @param values     values of which the gradient is known: logits ...
 * @param seeds      ... and those gradients: hedon_graph_sibling(graph, loss, 1), perhaps scaled
 * @param count      of both
 * @param frozen     by ordinal of the parameters: nonzero for those that stay as they are, whose
 *                   gradients are not computed; NULL: none
 * @param gradients  by ordinal: filled with the gradient's value, HEDON_NONE where frozen or where no
 *                   seeded value depends on it (running statistics); NULL: not wanted
 * @return 0; HEDON_EINVAL for seeds that do not fit; HEDON_EUNSUPPORTED when an operation on the way
 *         has no gradient (colour_motion); HEDON_ENOMEM; an error of building the graph.
 */
int hedon_graph_backward(HedonContext *ctx, HedonGraph *graph, const HedonValueId *values,
                         const HedonValueId *seeds, int count, const unsigned char *frozen,
                         HedonValueId *gradients);

#endif
