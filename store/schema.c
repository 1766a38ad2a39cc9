/* A migration that was released is never edited: add another one. docs/store.md explains the
 * tables. */
#include "store/schema.h"

#include <stdio.h>

#include "base/error.h"
#include "store/backend.h"

const char *const hedon_emotion_columns[HEDON_EMOTIONS] = {
    "admiration",   "adoration",     "aesthetic_appreciation",
    "amusement",    "anger",         "anxiety",
    "awe",          "awkwardness",   "boredom",
    "calmness",     "confusion",     "craving",
    "disgust",      "empathic_pain", "entrancement",
    "excitement",   "fear",          "horror",
    "interest",     "joy",           "nostalgia",
    "relief",       "romance",       "sadness",
    "satisfaction", "sexual_desire", "surprise",
};

#define EMOTION_INDEX(column) "CREATE INDEX emotions_" column " ON emotions(run_id, " column ");"

static const char *const migrations[] = {
    /* 1: everything */
    "CREATE TABLE schema_version(version @int NOT NULL PRIMARY KEY, applied_s @real NOT NULL);"

    "CREATE TABLE models(id @id, name @text NOT NULL, sha256 @text NOT NULL UNIQUE,"
    " description @text NOT NULL);"

    "CREATE TABLE runs(id @id, model_id @int NOT NULL REFERENCES models(id),"
    " settings @text NOT NULL, created_s @real NOT NULL, UNIQUE(model_id, settings));"

    "CREATE TABLE workers(id @fresh_id, run_id @int NOT NULL REFERENCES runs(id),"
    " host @text NOT NULL, boot @text NOT NULL, pid @int NOT NULL, started @int NOT NULL,"
    " lease_until_s @real NOT NULL);"

    "CREATE TABLE videos(id @id, path @text NOT NULL UNIQUE, root @text NOT NULL,"
    " size @int NOT NULL, mtime_ns @int NOT NULL, hash @text,"
    " duration_s @real, frames @int, width @int, height @int);"

    "CREATE TABLE annotations(id @id, run_id @int NOT NULL REFERENCES runs(id),"
    " video_id @int NOT NULL REFERENCES videos(id),"
    " state @text NOT NULL DEFAULT 'todo' CHECK(state IN ('todo', 'leased', 'done', 'failed')),"
    " attempt @int NOT NULL DEFAULT 0, worker_id @int,"
    " outcome @text CHECK(outcome IN ('scored', 'failed')),"
    " hash @text, size @int, mtime_ns @int, annotated_s @real,"
    " views @int, damaged @int, lost @int, emotions_sd @real, UNIQUE(run_id, video_id));"
    "CREATE INDEX annotations_state ON annotations(run_id, state@then_id);"
    "CREATE INDEX annotations_worker ON annotations(worker_id) WHERE worker_id IS NOT NULL;"

    "CREATE TABLE wellbeing(annotation_id @int NOT NULL PRIMARY KEY"
    " REFERENCES annotations(id) ON DELETE CASCADE, run_id @int NOT NULL,"
    " utility @real, percentile @real, utility_sd @real);"
    "CREATE INDEX wellbeing_utility ON wellbeing(run_id, utility);"

    "CREATE TABLE emotions(annotation_id @int NOT NULL PRIMARY KEY"
    " REFERENCES annotations(id) ON DELETE CASCADE, run_id @int NOT NULL,"
    " admiration @real, adoration @real, aesthetic_appreciation @real, amusement @real,"
    " anger @real, anxiety @real, awe @real, awkwardness @real, boredom @real, calmness @real,"
    " confusion @real, craving @real, disgust @real, empathic_pain @real, entrancement @real,"
    " excitement @real, fear @real, horror @real, interest @real, joy @real, nostalgia @real,"
    " relief @real, romance @real, sadness @real, satisfaction @real, sexual_desire @real,"
    " surprise @real);" EMOTION_INDEX("admiration") EMOTION_INDEX("adoration") EMOTION_INDEX(
        "aesthetic_appreciation") EMOTION_INDEX("amusement") EMOTION_INDEX("anger")
        EMOTION_INDEX("anxiety") EMOTION_INDEX("awe") EMOTION_INDEX("awkwardness") EMOTION_INDEX(
            "boredom") EMOTION_INDEX("calmness") EMOTION_INDEX("confusion") EMOTION_INDEX("craving")
            EMOTION_INDEX("disgust") EMOTION_INDEX("empathic_pain") EMOTION_INDEX("entrancement")
                EMOTION_INDEX("excitement") EMOTION_INDEX("fear") EMOTION_INDEX("horror")
                    EMOTION_INDEX("interest") EMOTION_INDEX("joy") EMOTION_INDEX(
                        "nostalgia") EMOTION_INDEX("relief") EMOTION_INDEX("romance")
                        EMOTION_INDEX("sadness") EMOTION_INDEX("satisfaction") EMOTION_INDEX(
                            "sexual_desire") EMOTION_INDEX("surprise")

                            "CREATE TABLE clips(annotation_id @int NOT NULL PRIMARY KEY"
                            " REFERENCES annotations(id) ON DELETE CASCADE, count @int NOT NULL, "
                            "records @blob NOT NULL);"

                            "CREATE TABLE errors(annotation_id @int NOT NULL PRIMARY KEY"
                            " REFERENCES annotations(id) ON DELETE CASCADE, run_id @int NOT NULL,"
                            " code @int NOT NULL, name @text NOT NULL, message @text NOT NULL);"

                            "@sessions",

    /* 2: one row a result, for people's own queries */
    "CREATE VIEW results AS SELECT a.id AS annotation_id, a.run_id, m.name AS model, v.path, "
    "v.root,"
    " v.duration_s, v.frames, v.width, v.height, w.utility, w.percentile, w.utility_sd,"
    " e.admiration, e.adoration, e.aesthetic_appreciation, e.amusement, e.anger, e.anxiety, e.awe,"
    " e.awkwardness, e.boredom, e.calmness, e.confusion, e.craving, e.disgust, e.empathic_pain,"
    " e.entrancement, e.excitement, e.fear, e.horror, e.interest, e.joy, e.nostalgia, e.relief,"
    " e.romance, e.sadness, e.satisfaction, e.sexual_desire, e.surprise, a.emotions_sd, a.views,"
    " a.damaged, a.hash, a.annotated_s"
    " FROM annotations a JOIN runs r ON r.id = a.run_id JOIN models m ON m.id = r.model_id"
    " JOIN videos v ON v.id = a.video_id LEFT JOIN wellbeing w ON w.annotation_id = a.id"
    " LEFT JOIN emotions e ON e.annotation_id = a.id WHERE a.outcome = 'scored';",
};

enum { LATEST = sizeof(migrations) / sizeof(migrations[0]), OLDEST_READABLE = 1 };

static int take_version(void *opaque, const HedonValue *row, int count)
{
    (void)count;
    *(int64_t *)opaque = hedon_integer_of(&row[0]);
    return 0;
}

static int read_version(HedonContext *ctx, HedonStore *store, void *opaque)
{
    return hedon_store_ask(ctx, store,
                           &(HedonSql){.text = "SELECT max(version) FROM schema_version",
                                       .once = 1,
                                       .row = take_version,
                                       .opaque = opaque});
}

static int check(HedonContext *ctx, int64_t version)
{
    if (version >= OLDEST_READABLE && version <= LATEST) return 0;
    if (version > LATEST)
        return hedon_fail(ctx, HEDON_EDATA,
                          "this store was made by a later hedon (version %lld of "
                          "its tables; this one knows %d): use that hedon",
                          (long long)version, LATEST);
    return hedon_fail(ctx, HEDON_EDATA, "this store has no version: it is damaged");
}

static int apply(HedonContext *ctx, HedonStore *store, int64_t version)
{
    const HedonDatabaseKind *kind = store->database->kind;
    int code = kind->script(ctx, store->database, migrations[version - 1]);
    if (code) return code;
    const HedonValue value = hedon_value_integer(version);
    return hedon_store_ask(
        ctx, store,
        &(HedonSql){.text = "INSERT INTO schema_version(version, applied_s) VALUES($1, @now)",
                    .once = 1,
                    .values = &value,
                    .count = 1});
}

/* Another process may have migrated while this one waited for the lock. */
static int migrate(HedonContext *ctx, HedonStore *store, void *opaque)
{
    int is_new = *(int *)opaque;
    int64_t version = 0;
    int code = store->database->kind->prepare(ctx, store->database, &is_new);
    if (!code && !is_new) code = read_version(ctx, store, &version);
    if (!code && !is_new) code = check(ctx, version);
    while (!code && version < LATEST) code = apply(ctx, store, ++version);
    return code;
}

int hedon_schema_migrate(HedonContext *ctx, HedonStore *store, int is_new)
{
    if (!is_new) {
        int64_t version = 0;
        int code = hedon_store_transact(ctx, store, HEDON_READING, read_version, &version);
        if (!code) code = check(ctx, version);
        if (code || version == LATEST) return code;
    }
    return hedon_store_transact(ctx, store, HEDON_WRITING, migrate, &is_new);
}

int hedon_schema_check(HedonContext *ctx, HedonStore *store)
{
    int64_t version = 0;
    const int code = hedon_store_transact(ctx, store, HEDON_READING, read_version, &version);
    return code ? code : check(ctx, version);
}
