/* Plans that share what one of them was compiled to, on every backend that probes: each executes on a
 * thread of its own, on inputs of its own, and gives the bits that it gives alone. */
#include <pthread.h>

#include "base/error.h"
#include "tests/net.h"

enum { SHARERS = 3, TIMES = 20 };

/* By each of the cpu backend's ways: Winograd in space and in time, direct, and oneDNN's. */
static const ConvCase cases[] = {
    {{2, 19, 3, 14, 14}, 33, {1, 3, 3}, ONES, {0, 1, 1}, ONES, 1},
    {{2, 45, 16, 5, 3}, 64, {3, 1, 1}, ONES, {1, 0, 0}, ONES, 1},
    {{2, 3, 2, 29, 30}, 45, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, ONES, 1},
    {{2, 17, 5, 9, 9}, 16, {3, 3, 3}, ONES, {2, 2, 2}, {2, 2, 2}, 1},
};
enum { CASES = sizeof(cases) / sizeof(*cases) };

/* A session over the first one's device and state, with a plan that shares and own buffers. */
static void share_from(const Session *first, const Net *net, Session *session)
{
    const HedonBackend *backend = first->backend;
    const size_t size = hedon_dtype_size(first->device->precision);
    *session = *first;
    assert_int_equal(backend->plan_share(NULL, first->plan, &session->plan), 0);
    for (int i = 0; i < net->graph->input_count; i++) {
        const int64_t count = hedon_shape_count(&net->inputs[i].shape);
        assert_int_equal(
            backend->buffer_new(NULL, first->device, (size_t)count * size, &session->in[i]), 0);
        upload_doubles(first->device, session->in[i], net->inputs[i].data, count);
    }
    for (int i = 0; i < net->graph->output_count; i++)
        assert_int_equal(backend->buffer_new(NULL, first->device,
                                             (size_t)output_size(net->graph, i) * size,
                                             &session->out[i]),
                         0);
}

static void share_no_more(Session *session)
{
    for (int i = 0; i < MAX_IO; i++) {
        session->backend->buffer_free(session->in[i]);
        session->backend->buffer_free(session->out[i]);
    }
    session->backend->plan_free(session->plan);
}

static void *execute_often(void *opaque)
{
    int code = 0;
    for (int i = 0; i < TIMES && !code; i++) code = session_execute(NULL, opaque);
    return code ? opaque : NULL;
}

static void assert_bits(const Session *session, const Outputs *wanted)
{
    for (int i = 0; i < wanted->count; i++) {
        double *got = download_doubles(session->device, session->out[i], wanted->size[i]);
        if (memcmp(got, wanted->data[i], (size_t)wanted->size[i] * sizeof(double)))
            fail_msg("%s: a plan that shares gives other bits", session->backend->name);
        free(got);
    }
}

static void run_side_by_side(Net *net, const Place *place)
{
    Session session[SHARERS];
    Outputs wanted[SHARERS];
    pthread_t threads[SHARERS];
    for (int i = 0; i < SHARERS; i++) {
        double *x = net->inputs[0].data;
        for (int64_t k = 0; k < hedon_shape_count(&net->inputs[0].shape); k += 5) x[k] = i - .5;
        wanted[i] = run(net, place);
        if (i)
            share_from(&session[0], net, &session[i]);
        else
            session_open(&session[i], net, place);
    }
    for (int i = 0; i < SHARERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, execute_often, &session[i]), 0);
    for (int i = 0; i < SHARERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    for (int i = SHARERS - 1; i >= 0; i--) {
        assert_bits(&session[i], &wanted[i]);
        outputs_free(&wanted[i]);
        if (i)
            share_no_more(&session[i]);
        else
            session_close(&session[i]);
    }
}

static void test_sharing_plans_do_not_disturb_each_other(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    for (int p = 0; p < count; p++)
        for (int c = 0; c < CASES; c++) {
            if (!list[p].backend->plan_share) continue;
            Net net = conv_net(&cases[c], 2, WITH_RESIDUAL | WITH_NORM | WITH_RELU);
            run_side_by_side(&net, &list[p]);
            net_free(&net);
        }
}

static void test_weights_are_counted_once(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = conv_net(&cases[0], 1, WITH_BIAS);
    for (int p = 0; p < count; p++) {
        if (!list[p].backend->plan_share) continue;
        Session session;
        HedonPlan *shared;
        HedonPlanInfo info, other;
        session_open(&session, &net, &list[p]);
        assert_int_equal(session.backend->plan_share(NULL, session.plan, &shared), 0);
        session.backend->plan_info(session.plan, &info);
        session.backend->plan_info(shared, &other);
        assert_true(info.weight_bytes > 0);
        assert_int_equal(other.weight_bytes, 0);
        assert_int_equal(other.arena_bytes, info.arena_bytes);
        assert_int_equal(other.op_count, info.op_count);
        session.backend->plan_free(shared);
        session_close(&session);
    }
    net_free(&net);
}

static void test_failing_memory_is_an_error(void **state)
{
    (void)state;
    Place list[16];
    const int count = places(list);
    Net net = conv_net(&cases[3], 1, WITH_BIAS);
    for (int p = 0; p < count; p++) {
        if (!list[p].backend->plan_share) continue;
        Session session;
        session_open(&session, &net, &list[p]);
        int failures = 0, injected = 1;
        for (int64_t k = 1; injected; k++) {
            HedonPlan *shared;
            hedon_memory_fail_at(k);
            const int code = session.backend->plan_share(NULL, session.plan, &shared);
            injected = hedon_memory_failed();
            hedon_memory_fail_at(0);
            assert_int_equal(code, injected ? HEDON_ENOMEM : 0);
            failures += injected;
            if (injected) assert_null(shared);
            session.backend->plan_free(shared);
        }
        assert_true(failures >= 3);
        session_close(&session);
    }
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing_plans_do_not_disturb_each_other),
        cmocka_unit_test(test_weights_are_counted_once),
        cmocka_unit_test(test_failing_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
