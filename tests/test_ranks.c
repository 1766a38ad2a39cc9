/* Training by real processes over MPI: one step's gradients of two are those of one process with
 * both batches; the group's sums. Skipped where there is no MPI.
 *
 * The test starts itself again under mpirun; in those processes it computes and compares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "tests/loss_scale.h"
#include "tests/mpirun.h"
#include "tests/scenes.h"
#include "train/engine.h"

enum { RANKS = 2, GROUP = 3, SHARE = 4, ALL = RANKS * SHARE, FRAMES = 4, SIZE = 20 };
enum { CLIP = 3 * FRAMES * SIZE * SIZE, WEIGHT_SEED = 1, CLIP_SEED = 7 };

static HedonContext *ctx;

/* ---- In the ranks: no cmocka there, a sentence and a status --------------------------------- */

static void must(int code)
{
    if (!code) return;
    fprintf(stderr, "%s: %s\n", hedon_error_name(code), hedon_last_error(ctx));
    exit(1);
}

typedef struct Case {
    const char *name, *device;
    HedonDtype precision;
    const HedonRecipe *recipe;
    const char *heads;
    int64_t accumulate;
    double
        tolerance; /* of each gradient's norm; in half precisions times the distance from float32 */
    int sums_late; /* no batch is said to be the last */
} Case;

static const Case cases[] = {
    {"cpu_vce", "cpu", HEDON_F32, &hedon_recipe_vce, "emotions", 1, 1e-4},
    {"cpu_joint", "cpu", HEDON_F32, &hedon_recipe_joint, "emotions,utility", 2, 1e-4},
    {"cpu_late", "cpu", HEDON_F32, &hedon_recipe_vce, "emotions", 2, 1e-4, 1},
    {"ref_vce", "ref", HEDON_F64, &hedon_recipe_vce, "emotions", 1, 1e-9},
    {"ref_joint", "ref", HEDON_F64, &hedon_recipe_joint, "emotions,utility", 2, 1e-9},
    {"cuda_vce", "cuda", HEDON_F32, &hedon_recipe_vce, "emotions", 1, 1e-4},
    {"cuda_joint", "cuda", HEDON_F32, &hedon_recipe_joint, "emotions,utility", 2, 1e-4},
    {"cuda_late", "cuda", HEDON_F32, &hedon_recipe_vce, "emotions", 2, 1e-4, 1},
    {"cuda_bf16", "cuda", HEDON_BF16, &hedon_recipe_vce, "emotions", 1, 1.25},
    {"cuda_fp16", "cuda", HEDON_F16, &hedon_recipe_joint, "emotions,utility", 2, 1.25},
};

/* Whole batches; a rank's share are the places in `samples`. */
typedef struct Batch {
    float clips[ALL][CLIP], targets[ALL * HEDON_EMOTIONS], clip_weights[ALL], pair_weights[ALL / 2];
    float ties[ALL / 2];
    float *pixels[ALL];
    int64_t samples[ALL];
} Batch;

/* Places first, first + step, ... of a whole batch; clips are the first half, pairs the second. */
static void fill(Batch *batch, const Case *one, uint64_t number, int64_t *places, int64_t count)
{
    const int joint = one->recipe->task == HEDON_TASK_JOINT;
    const HedonRandomKey key = hedon_random_key(CLIP_SEED, 3, number);
    for (int64_t i = 0; i < count; i++) {
        const int64_t place = places[i];
        batch->samples[i] = place;
        batch->pixels[i] = batch->clips[i];
        render_clip(batch->clips[i], CLIP_SEED + number, (uint64_t)place, FRAMES, SIZE);
        for (int k = 0; k < HEDON_EMOTIONS; k++)
            batch->targets[i * HEDON_EMOTIONS + k] =
                (float)hedon_random_uniform(key, (uint64_t)(place * HEDON_EMOTIONS + k));
        /* what is masked is not divided evenly between the ranks */
        batch->clip_weights[i] = (float)((!joint || place < ALL / 2) && place != 1);
        batch->pair_weights[i / 2] = (float)(place >= ALL / 2 && place / 2 != ALL / 2 - 1);
        batch->ties[i / 2] = (float)(place / 2 == ALL / 4);
    }
}

static int expected; /* of opening an engine */

static HedonEngine *engine_of(const Case *one, int64_t n, HedonProcessGroup *group)
{
    HedonTrainConfig config;
    HedonModel *model;
    HedonEngine *engine;
    const int joint = one->recipe->task == HEDON_TASK_JOINT;
    hedon_train_config_default(&config, one->recipe);
    config.device =
        (HedonDeviceOptions){.device = one->device, .precision = one->precision, .threads = 1};
    config.recipe.clips = joint ? n / 2 : n;
    config.recipe.pairs = n / 4;
    config.recipe.accumulate = one->accumulate;
    config.recipe.drop_path = .5;
    config.recipe.optimiser = HEDON_SGD; /* whose first moment is then the gradient */
    config.recipe.momentum = .9;
    config.recipe.weight_decay = 0;
    must(hedon_model_open_random(ctx, &model, "r2plus1d_tiny", WEIGHT_SEED, one->heads));
    must(hedon_model_set_clip(ctx, model, FRAMES, SIZE));
    const int code = hedon_engine_open(ctx, &engine, model, &config, group, 0);
    hedon_model_close(model);
    if (code != expected) must(code ? code : HEDON_EINVAL);
    if (!code) must(hedon_engine_join(ctx, engine));
    return engine;
}

static int show_batch(HedonEngine *engine, const Case *one, int64_t k, int64_t *places,
                      int64_t count, HedonTrainLosses *losses)
{
    static Batch batch;
    const int last = k == one->accumulate - 1 && !one->sums_late;
    fill(&batch, one, (uint64_t)k, places, count);
    const HedonTrainBatch given = {.pixels = batch.pixels,
                                   .targets = batch.targets,
                                   .clip_weights = batch.clip_weights,
                                   .pair_weights = batch.pair_weights,
                                   .ties = batch.ties,
                                   .samples = batch.samples};
    return hedon_engine_batch(ctx, engine, &given, hedon_random_key(1, 2, (uint64_t)k),
                              (k == 0 ? HEDON_BATCH_FIRST : 0) | (last ? HEDON_BATCH_LAST : 0),
                              losses);
}

static HedonTrainLosses step(HedonEngine *engine, const Case *one, int64_t *places, int64_t count)
{
    HedonTrainLosses losses;
    HedonOptimiserResult result;
    for (int64_t k = 0; k < one->accumulate; k++)
        must(show_batch(engine, one, k, places, count, &losses));
    must(hedon_engine_update(ctx, engine, 0, .1, &result));
    return losses;
}

/* The distance of a tensor of two engines over the second one's norm. */
static double distance(HedonEngine *a, HedonEngine *b, int64_t i, char name[160])
{
    HedonStateTensor x, y;
    double off = 0, norm = 0;
    must(hedon_engine_tensor(ctx, a, i, &x));
    must(hedon_engine_tensor(ctx, b, i, &y));
    snprintf(name, 160, "%s", y.name);
    for (int64_t k = 0; k < hedon_shape_count(&y.values.shape); k++) {
        const int is_double = y.values.dtype == HEDON_F64;
        const double p = is_double ? ((double *)x.values.data)[k]
                                   : (double)((float *)x.values.data)[k],
                     q = is_double ? ((double *)y.values.data)[k]
                                   : (double)((float *)y.values.data)[k];
        off += (p - q) * (p - q);
        norm += q * q;
    }
    return off == 0 ? 0 : sqrt(off / norm);
}

/* The worst tensor, and the root of the mean square over all of them. */
typedef struct Distance {
    double worst, mean;
    char name[160];
} Distance;

static Distance distance_of_all(HedonEngine *a, HedonEngine *b)
{
    Distance all = {.worst = -1};
    const int64_t count = hedon_engine_tensors(b);
    for (int64_t i = 0; i < count; i++) {
        char name[160];
        const double off = distance(a, b, i, name);
        all.mean += off * off / (double)count;
        if (off <= all.worst) continue;
        all.worst = off;
        memcpy(all.name, name, sizeof(name));
    }
    all.mean = sqrt(all.mean);
    return all;
}

/* In half precisions a statistic that rounds the other way grows, through this small a net, into
 * a difference as large as that from float32: so together must be no further from float32 than
 * alone is. */
static int compare_half(const Case *one, HedonEngine *together, HedonEngine *alone, int64_t *places)
{
    Case single = *one;
    single.precision = HEDON_F32;
    HedonEngine *truth = engine_of(&single, ALL, NULL);
    step(truth, &single, places, ALL);
    const Distance ours = distance_of_all(together, truth), theirs = distance_of_all(alone, truth);
    hedon_engine_close(truth);
    printf("%s: %d ranks of %d are %.2e of the norm from float32, one of %d is %.2e\n", one->name,
           RANKS, SHARE, ours.mean, ALL, theirs.mean);
    return ours.mean <= one->tolerance * theirs.mean ? 0 : 1;
}

static int compare(const Case *one, HedonEngine *together, HedonTrainLosses losses)
{
    int64_t places[ALL];
    for (int64_t i = 0; i < ALL; i++) places[i] = i;
    HedonEngine *alone = engine_of(one, ALL, NULL);
    const HedonTrainLosses wanted = step(alone, one, places, ALL);
    const int is_half = one->precision == HEDON_BF16 || one->precision == HEDON_F16;
    const double loss = fabs(losses.total - wanted.total) / wanted.total;
    const Distance off = distance_of_all(together, alone);
    int failed = loss > (is_half ? 1e-2 : one->tolerance);
    if (is_half) {
        failed |= compare_half(one, together, alone, places);
    } else {
        printf(
            "%s: %d ranks of %d and one of %d differ by %.1e of the norm (%s), the loss by %.1e\n",
            one->name, RANKS, SHARE, ALL, off.worst, off.name, loss);
        failed |= off.worst > one->tolerance;
    }
    hedon_engine_close(alone);
    return failed;
}

/* What rank 0 has read from a saved state becomes everybody's. */
static void check_shared_scale(HedonEngine *engine, HedonProcessGroup *group)
{
    char path[] = "/tmp/hedon-ranks-XXXXXX";
    Rescaled rescaled = {.engine = engine, .scale = 512, .good_steps = 7};
    float is[2];
    if (group->rank == 0) {
        close(mkstemp(path));
        must(save_rescaled(ctx, &rescaled, path));
        must(restore_from(ctx, engine, path));
        unlink(path);
    }
    must(hedon_engine_share(ctx, engine));
    scale_of(ctx, engine, is);
    if (is[0] != 512 || is[1] != 7)
        must(hedon_fail(ctx, HEDON_EDATA, "the scale is %g", (double)is[0]));
}

/* In joint batches a share is half of the clips and half of the pairs. */
static int run_case(const Case *one)
{
    HedonProcessGroup *group;
    int64_t places[SHARE];
    must(hedon_process_group_open(ctx, &group));
    if (group->ranks != RANKS) return 1;
    const int joint = one->recipe->task == HEDON_TASK_JOINT;
    for (int64_t i = 0; i < SHARE; i++)
        places[i] = joint ? i / 2 * (ALL / 2) + group->rank * 2 + i % 2 : group->rank * SHARE + i;
    HedonEngine *engine = engine_of(one, SHARE, group);
    const HedonTrainLosses losses = step(engine, one, places, SHARE);
    const int failed = group->rank == 0 ? compare(one, engine, losses) : 0;
    if (one->precision == HEDON_F16) check_shared_scale(engine, group);
    must(hedon_process_group_barrier(ctx, group)); /* before the devices part */
    hedon_engine_close(engine);
    group->close(group);
    return failed;
}

/* ---- Without the others (on the simulated device) ------------------------------------------- */

static const Case lonely = {"lonely", "cuda", HEDON_F32, &hedon_recipe_vce, "emotions", 1, 0, 0};

/* The last rank is killed in the middle of its first step; mpirun lets the others be. */
static int run_killed(void)
{
    HedonProcessGroup *group;
    HedonTrainLosses losses;
    int64_t places[SHARE] = {0, 1, 2, 3};
    must(hedon_process_group_open(ctx, &group));
    HedonEngine *engine = engine_of(&lonely, SHARE, group);
    if (group->rank == group->ranks - 1) setenv("HEDON_SIM_KILL", "100", 1);
    must(hedon_process_group_barrier(ctx, group));
    const double start_s = hedon_clock_s();
    const int code = show_batch(engine, &lonely, 0, places, SHARE, &losses);
    printf("%s after %.1f s: %s\n", hedon_error_name(code), hedon_clock_s() - start_s,
           hedon_last_error(ctx));
    const int again = show_batch(engine, &lonely, 0, places, SHARE, &losses);
    printf("then %s: %s\n", hedon_error_name(again), hedon_last_error(ctx));
    hedon_engine_close(engine);
    puts("closed");
    fflush(stdout);
    _exit(0);
}

/* One more than there are GPUs; or a GPU that was named. */
static int run_refused(const char *named)
{
    HedonProcessGroup *group;
    Case one = lonely;
    must(hedon_process_group_open(ctx, &group));
    expected = HEDON_EINVAL;
    if (named) one.device = named;
    const HedonEngine *engine = engine_of(&one, SHARE, group);
    if (!engine && !group->rank) puts(hedon_last_error(ctx));
    group->close(group);
    return engine != NULL;
}

/* ---- The group itself ----------------------------------------------------------------------- */

static float number_of(int rank, int64_t i)
{
    return (float)(sin((double)(i % 1000) + rank) * pow(10, (double)(i % 7) - 3));
}

/* Large sums under way while small ones are made; all to the bit what adding by rank gives. */
static int check_sums(HedonProcessGroup *group)
{
    static const int64_t sizes[] = {1, 2, 3000001, 70};
    float *values[4];
    int wrong = 0;
    for (int s = 0; s < 4; s++) {
        values[s] = malloc((size_t)sizes[s] * sizeof(float));
        for (int64_t i = 0; i < sizes[s]; i++) values[s][i] = number_of(group->rank, i + s);
        must(group->sum_start(ctx, group, values[s], sizes[s], HEDON_F32));
        double small[2] = {1, group->rank};
        must(group->sum(ctx, group, small, 2));
        wrong += small[0] != group->ranks || small[1] != group->ranks * (group->ranks - 1) / 2;
    }
    must(group->sum_finish(ctx, group));
    for (int s = 0; s < 4; s++) {
        for (int64_t i = 0; i < sizes[s]; i++) {
            double wanted = 0;
            for (int r = 0; r < group->ranks; r++) wanted += (double)number_of(r, i + s);
            wrong += values[s][i] != (float)wanted;
        }
        free(values[s]);
    }
    return wrong;
}

static int check_agreement(HedonProcessGroup *group)
{
    int wrong = hedon_process_group_agree(ctx, group, 0) != 0;
    const int mine = group->rank ? hedon_fail(ctx, HEDON_EDATA, "lost by %d", group->rank) : 0;
    wrong += hedon_process_group_agree(ctx, group, mine) != HEDON_EDATA;
    return wrong + strcmp(hedon_last_error(ctx), "rank 1: lost by 1");
}

static int run_group(void)
{
    HedonProcessGroup *group;
    int all[GROUP], word = 7;
    must(hedon_process_group_open(ctx, &group));
    if (group->ranks != GROUP) return 1;
    int wrong = check_sums(group) + check_sums(group) + check_agreement(group);
    must(group->gather(ctx, group, &group->rank, sizeof(int), all));
    for (int r = 0; r < GROUP; r++) wrong += all[r] != r;
    if (group->rank) word = 0;
    must(group->broadcast(ctx, group, &word, sizeof(word)));
    wrong += word != 7 || group->cores < 1 || group->broken;
    group->close(group);
    if (wrong) fprintf(stderr, "%d wrong\n", wrong);
    return wrong != 0;
}

/* ---- Outside -------------------------------------------------------------------------------- */

static void sums_are_in_the_order_of_ranks(void **state)
{
    (void)state;
    char *const command[] = {self_path(), "group", NULL};
    assert_int_equal(wait_for_exit(start_ranks(GROUP, NULL, command)), 0);
}

static void gradients_are_those_of_one_process(void **state)
{
    (void)state;
    char name[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const HedonBackend *backend;
        const int is_cuda = !strcmp(cases[i].device, "cuda");
        if (getenv("HEDON_SIM_GPUS") && !is_cuda) continue; /* the same as without */
        if (hedon_backend_find(ctx, is_cuda ? "cuda:1" : cases[i].device, &backend)) {
            print_message("%s left out: %s\n", cases[i].name, hedon_last_error(ctx));
            continue;
        }
        snprintf(name, sizeof name, "%s", cases[i].name);
        assert_int_equal(
            wait_for_exit(start_ranks(RANKS, NULL, (char *const[]){self_path(), name, NULL})), 0);
    }
}

static void read_text(const char *path, char *text, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, room - 1, file)] = 0;
    fclose(file);
    unlink(path);
    print_message("%s", text);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

/* It waits for sums of a rank that is not there any more. */
static void a_rank_that_is_killed_ends_the_others(void **state)
{
    (void)state;
    char out[] = "/tmp/hedon-ranks-XXXXXX", text[4096];
    if (!getenv("HEDON_SIM_GPUS")) skip();
    close(mkstemp(out));
    setenv("OMPI_MCA_orte_enable_recovery", "1", 1); /* mpirun ends them not */
    const double start_s = hedon_clock_s();
    wait_for_exit(start_ranks(RANKS, out, (char *const[]){self_path(), "killed", NULL}));
    unsetenv("OMPI_MCA_orte_enable_recovery");
    read_text(out, text, sizeof text);
    has(text, "device failed after ");
    has(text, ": rank 1 (process ");
    has(text, "then device failed: the ranks lost each other");
    has(text, "closed");
    assert_true(hedon_clock_s() - start_s < 20); /* on a busy machine */
}

static void each_rank_has_a_gpu_of_its_own(void **state)
{
    (void)state;
    char out[] = "/tmp/hedon-ranks-XXXXXX", text[4096];
    if (!getenv("HEDON_SIM_GPUS")) skip();
    close(mkstemp(out));
    assert_int_equal(
        wait_for_exit(start_ranks(GROUP, out, (char *const[]){self_path(), "refused", NULL})), 0);
    read_text(out, text, sizeof text);
    has(text, "3 ranks are on this machine, and each needs a GPU of its own: CUDA shows 2");
    assert_int_equal(wait_for_exit(start_ranks(
                         RANKS, out, (char *const[]){self_path(), "refused", "cuda:1", NULL})),
                     0);
    read_text(out, text, sizeof text);
    has(text, "--device cuda:1 with several ranks");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_in_the_order_of_ranks),
        cmocka_unit_test(gradients_are_those_of_one_process),
        cmocka_unit_test(a_rank_that_is_killed_ends_the_others),
        cmocka_unit_test(each_rank_has_a_gpu_of_its_own),
    };
    setenv("HEDON_MPI_PLUGIN", HEDON_BINARY_DIR "/hedon-mpi.so", 1);
    ctx = hedon_context_new();
    int status = argc > 1 ? 1 : 0;
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(argv[1], cases[i].name)) status = run_case(&cases[i]);
    if (argc > 1 && !strcmp(argv[1], "group")) status = run_group();
    if (argc > 1 && !strcmp(argv[1], "killed")) status = run_killed();
    if (argc > 1 && !strcmp(argv[1], "refused")) status = run_refused(argc > 2 ? argv[2] : NULL);
    if (argc == 1) status = has_mpi() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
    hedon_context_free(ctx);
    return status;
}
