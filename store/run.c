/* Runs: a model with settings. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"

static int take_id(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque = hedon_integer_of(&row[0]);
    return 0;
}

/* Said again each time: a later hedon may describe the same model better. */
static int enter_run(HedonContext *ctx, HedonStore *store, void *opaque)
{
    HedonStoreRun *run = opaque;
    int64_t model = 0;
    const HedonValue described[] = {hedon_value_text(run->model_name),
                                    hedon_value_text(run->model_sha256),
                                    hedon_value_text(run->model)};
    int code = hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO models(name, sha256, description) VALUES($1, $2, $3) "
                            "ON CONFLICT(sha256) DO UPDATE SET description = excluded.description "
                            "RETURNING id",
                    .once = 1,
                    .values = described,
                    .count = 3,
                    .row = take_id,
                    .opaque = &model});
    if (code) return code;
    const HedonValue identity[] = {hedon_value_integer(model), hedon_value_text(run->settings)};
    code = hedon_store_sql(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO runs(model_id, settings, created_s) VALUES($1, $2, @now) "
                            "ON CONFLICT(model_id, settings) DO NOTHING",
                    .once = 1,
                    .values = identity,
                    .count = 2});
    if (code) return code;
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "SELECT id FROM runs WHERE model_id = $1 AND settings = $2",
                    .once = 1,
                    .values = identity,
                    .count = 2,
                    .row = take_id,
                    .opaque = &run->id});
}

int hedon_store_run(HedonContext *ctx, HedonStore *store, HedonStoreRun *run)
{
    if (!run->model || !run->settings || !run->model_sha256[0])
        return hedon_fail(ctx, HEDON_EINVAL, "a run needs a model and settings");
    return hedon_store_transact(ctx, store, HEDON_WRITING, enter_run, run);
}

/* ---- How far they are */

static void add_state(HedonStoreRun *run, const char *state, int64_t count)
{
    if (!state) return;
    if (!strcmp(state, "todo")) run->todo = count;
    if (!strcmp(state, "leased")) run->leased = count;
    if (!strcmp(state, "done")) run->done = count;
    if (!strcmp(state, "failed")) run->failed = count;
}

static int take_state(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    add_state(opaque, hedon_text_of(&row[0]), hedon_integer_of(&row[1]));
    return 0;
}

static int count_states(HedonContext *ctx, HedonStore *store, void *opaque)
{
    HedonStoreRun *run = opaque;
    const HedonValue id = hedon_value_integer(run->id);
    run->todo = run->leased = run->done = run->failed = 0;
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text =
                        "SELECT state, count(*) FROM annotations WHERE run_id = $1 GROUP BY state",
                    .values = &id,
                    .count = 1,
                    .row = take_state,
                    .opaque = run});
}

int hedon_store_progress(HedonContext *ctx, HedonStore *store, int64_t run, HedonStoreRun *counts)
{
    HedonStoreRun counted = {.id = run};
    const int code = hedon_store_transact(ctx, store, HEDON_READING, count_states, &counted);
    if (code) return code;
    counts->todo = counted.todo;
    counts->leased = counted.leased;
    counts->done = counted.done;
    counts->failed = counted.failed;
    return 0;
}

typedef struct RunList {
    HedonContext *ctx;
    HedonStoreRun *runs;
    int count;
} RunList;

static int take_run(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    RunList *list = opaque;
    HedonStoreRun *more = hedon_realloc(list->runs, (size_t)list->count + 1, sizeof(*list->runs));
    if (!more) return hedon_fail_memory(list->ctx);
    list->runs = more;
    HedonStoreRun *run = &more[list->count++];
    *run = (HedonStoreRun){.id = hedon_integer_of(&row[0]), .created_s = hedon_real_of(&row[5])};
    const char *texts[4];
    for (int i = 0; i < 4; i++)
        texts[i] = hedon_text_of(&row[1 + i]) ? hedon_text_of(&row[1 + i]) : "";
    snprintf(run->model_name, sizeof(run->model_name), "%s", texts[0]);
    snprintf(run->model_sha256, sizeof(run->model_sha256), "%s", texts[1]);
    run->model = hedon_strdup(texts[2]);
    run->settings = hedon_strdup(texts[3]);
    return run->model && run->settings ? 0 : hedon_fail_memory(list->ctx);
}

static int list_runs(HedonContext *ctx, HedonStore *store, void *opaque)
{
    RunList *list = opaque;
    hedon_store_runs_free(list->runs, list->count);
    *list = (RunList){.ctx = ctx};
    int code = hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "SELECT r.id, m.name, m.sha256, m.description, r.settings, r.created_s "
                            "FROM runs r JOIN models m ON m.id = r.model_id ORDER BY r.id",
                    .row = take_run,
                    .opaque = list});
    for (int i = 0; !code && i < list->count; i++) code = count_states(ctx, store, &list->runs[i]);
    return code;
}

int hedon_store_runs(HedonContext *ctx, HedonStore *store, HedonStoreRun **runs, int *count)
{
    RunList list = {0};
    const int code = hedon_store_transact(ctx, store, HEDON_READING, list_runs, &list);
    if (code) {
        hedon_store_runs_free(list.runs, list.count);
        list = (RunList){0};
    }
    *runs = list.runs;
    *count = list.count;
    return code;
}

void hedon_store_runs_free(HedonStoreRun *runs, int count)
{
    for (int i = 0; i < count; i++) {
        hedon_free((char *)runs[i].model);
        hedon_free((char *)runs[i].settings);
    }
    hedon_free(runs);
}
