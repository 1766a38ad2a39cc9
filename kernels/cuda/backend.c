/* The vtable. */
#include "kernels/cuda/ranks.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/preprocess.h"

const HedonBackend hedon_backend_cuda = {
    .name = "cuda",
    .probe = cuda_probe,
    .open = cuda_open,
    .close = cuda_close,
    .buffer_new = cuda_buffer_new,
    .buffer_free = cuda_buffer_free,
    .upload = cuda_upload,
    .download = cuda_download,
    .stream_new = cuda_stream_new,
    .stream_free = cuda_stream_free,
    .stream_wait = cuda_stream_wait,
    .event_record = cuda_event_record,
    .event_await = cuda_event_await,
    .event_free = cuda_event_free,
    .state_new = cuda_state_new,
    .state_read = cuda_state_read,
    .state_write = cuda_state_write,
    .optimise = cuda_optimise,
    .loss_scale_read = cuda_loss_scale_read,
    .loss_scale_write = cuda_loss_scale_write,
    .state_free = cuda_state_free,
    .compile = cuda_compile,
    .execute = cuda_execute,
    .plan_info = cuda_plan_info,
    .plan_text = cuda_plan_text,
    .plan_free = cuda_plan_free,
    .group_id = cuda_ranks_id,
    .group_join = cuda_ranks_join,
    .sum_gradients = cuda_sum_gradients,
    .preprocess_frames = cuda_preprocess_frames,
};
