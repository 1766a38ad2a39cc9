/* The kinds of datasets: what is read from their files, exactly, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "worker_fixture.h"

#include "dataset_fixture.h"

static HedonDataset *opened(const char *kind, const char *dir, const HedonDatasetOptions *options)
{
    HedonContext *ctx = hedon_context_new();
    HedonDataset *dataset;
    if (hedon_dataset_open(ctx, &dataset, kind, dir, options))
        fail_msg("%s", hedon_last_error(ctx));
    hedon_context_free(ctx);
    return dataset;
}

static void refuses(const char *kind, const char *dir, const HedonDatasetOptions *options, int code,
                    const char *says)
{
    HedonContext *ctx = hedon_context_new();
    HedonDataset *dataset = (HedonDataset *)ctx;
    const int got = hedon_dataset_open(ctx, &dataset, kind, dir, options);
    assert_null(dataset);
    if (got != code || !strstr(hedon_last_error(ctx), says))
        fail_msg("wanted %d '%s', got %d '%s'", code, says, got, hedon_last_error(ctx));
    hedon_context_free(ctx);
}

static const HedonDatasetItem *item_of(const HedonDataset *dataset, const char *id)
{
    const int64_t i = hedon_dataset_find(dataset, id);
    if (i < 0) fail_msg("no item %s", id);
    return hedon_dataset_item(dataset, i);
}

/* ---- VCE ------------------------------------------------------------------------------------ */

static void test_vce_is_read_as_it_stands(void **state)
{
    (void)state;
    const char *folder = write_vce("vce");
    HedonDataset *dataset = opened(NULL, folder, NULL);
    assert_string_equal(hedon_dataset_kind(dataset)->name, "vce");
    assert_int_equal(hedon_dataset_size(dataset), 7);
    assert_int_equal(hedon_dataset_comparisons(dataset), 0);
    for (int i = 0; i < 7; i++) { /* in the files' order, train first */
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        const int loudest = i < 5 ? i : 13 + i - 5;
        assert_string_equal(item->id, i < 5 ? vce_train_ids[i] : vce_test_ids[i - 5]);
        assert_int_equal(item->split, i < 5 ? HEDON_SPLIT_TRAIN : HEDON_SPLIT_TEST);
        assert_int_equal(item->label, loudest);
        for (int e = 0; e < HEDON_EMOTIONS; e++)
            assert_true(item->intensities[e] == (e == loudest       ? .75f
                                                 : e == loudest + 1 ? .5f
                                                 : e == loudest + 2 ? .25f
                                                                    : 0));
        for (int k = 0; k < HEDON_TOP; k++) assert_int_equal(item->top[k], loudest + k);
        assert_true(isnan(item->rating));
        assert_int_equal(item->class_index, -1);
    }
    const HedonDatasetItem *item = item_of(dataset, "00012");
    char path[300];
    snprintf(path, sizeof(path), "%s/videos/00012.mp4", folder);
    assert_string_equal(item->path, path);
    assert_true(item->has_metadata);
    assert_true(item->duration_s == 16 && item->frame_rate == 30 && item->frames == 480);
    assert_int_equal(item->width, 256);
    assert_int_equal(item->height, 320);
    assert_int_equal(hedon_dataset_find(dataset, "12"), -1); /* zeros count */
    hedon_dataset_close(dataset);
}

/* The first maximum in class order, whatever topK says and however near the others are. */
static void test_label_is_the_first_maximum(void **state)
{
    (void)state;
    const char *folder = make_folder("ties");
    static const char *const id[] = {"1"};
    char *labels = labels_of(id, 1, 20),
         *tied = replaced(labels, "\"Anger\": 0.0", "\"Anger\": 0.75");
    write_in(folder, "train_labels.json", tied);
    HedonDataset *dataset = opened("vce", folder, NULL);
    assert_int_equal(hedon_dataset_item(dataset, 0)->label, 4);
    assert_int_equal(hedon_dataset_item(dataset, 0)->top[0], 20);
    hedon_dataset_close(dataset);
    free(tied);
    /* a difference that a float does not hold still decides */
    tied = replaced(labels, "\"Anger\": 0.0", "\"Anger\": 0.7499999999999999");
    write_in(folder, "train_labels.json", tied);
    dataset = opened("vce", folder, NULL);
    assert_int_equal(hedon_dataset_item(dataset, 0)->label, 20);
    hedon_dataset_close(dataset);
    free(tied);
    free(labels);
}

static void test_vce_needs_only_one_label_file(void **state)
{
    (void)state;
    const char *folder = make_folder("half");
    refuses("vce", folder, NULL, HEDON_ENOENT, "neither train_labels.json nor test_labels.json");
    char *test = labels_of(vce_test_ids, 2, 5);
    write_in(folder, "test_labels.json", test);
    HedonDataset *dataset = opened(NULL, folder, NULL);
    assert_string_equal(hedon_dataset_kind(dataset)->name, "vce");
    assert_int_equal(hedon_dataset_size(dataset), 2);
    assert_false(hedon_dataset_item(dataset, 0)->has_metadata);
    assert_true(isnan(hedon_dataset_item(dataset, 0)->duration_s));
    hedon_dataset_close(dataset);
    free(test);
}

static void test_vce_faults_are_refused_in_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"Anger\": 0.0", "\"Anger\": 1.25",
         "train_labels.json: video 00003: Anger is 1.25, outside"},
        {"\"Anger\": 0.0", "\"Anger\": -0.1", "Anger is -0.1, outside 0..1"},
        {"\"Anger\": 0.0", "\"Anger\": \"0.0\"", "Anger is not a number"},
        {"\"Anger\": 0.0", "\"Rage\": 0.0", "unknown emotion 'Rage'"},
        {"\"Anger\": 0.0, ", "", "Anger is missing"},
        {"\"Anger\": 0.0", "\"Anger\": 0.0, \"Anger\": 0.1", "Anger is given twice"},
        {"\"Anger\": 0.0", "\"Anger\": 1e999", "train_labels.json: line 1, column"},
        {"\"Anger\": 0.0", "\"Anger\": NaN", "train_labels.json: line 1, column"},
        {"\"emotions\": {", "\"feelings\": {", "no emotions"},
        {"\"00000\": {", "\"00003\": {", "video 00003: labelled twice"},
        {"\"00000\": {", "\"a/b\": {", "cannot be a file's name"},
        {"videos/00003.mp4", "../00003.mp4", "leads out of the dataset's folder"},
        {"videos/00003.mp4", "/etc/passwd", "leads out of the dataset's folder"},
        {"\"topK\": [\"Admiration\"", "\"topK\": [\"Admirance\"", "unknown emotion in topK"},
        {"\"topK\": [\"Admiration\"", "\"topK\": [3", "topK is not of names"},
        {"}, \"00000\"", ", \"00000\"", "train_labels.json: line 1, column"},
    };
    const char *folder = write_vce("faulty");
    char *good = labels_of(vce_train_ids, 5, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *bad = replaced(good, cases[i].from, cases[i].to);
        write_in(folder, "train_labels.json", bad);
        refuses("vce", folder, NULL, HEDON_EDATA, cases[i].says);
        free(bad);
    }
    char *test = labels_of(vce_train_ids, 1, 0);
    write_in(folder, "train_labels.json", good);
    write_in(folder, "test_labels.json", test);
    refuses("vce", folder, NULL, HEDON_EDATA, "test_labels.json: video 00003: is in train too");
    free(test);
    free(good);
    write_in(folder, "train_labels.json", "[1, 2]");
    refuses("vce", folder, NULL, HEDON_EDATA,
            "line 1, column 1: an array where an object is wanted");
    write_in(folder, "train_labels.json", "");
    refuses("vce", folder, NULL, HEDON_EDATA, "the file ends where an object is wanted");
}

static void test_metadata_takes_numbers_and_strings(void **state)
{
    (void)state;
    const char *folder = write_vce("metadata");
    write_in(folder, "metadata.json",
             "{\"elsewhere\": {\"duration\": []},\n"
             " \"00003\": {\"duration\": 2.5, \"frame_rate\": \"30000/1001\", \"height\": \"240\", "
             "\"number_of_frames\": 75, \"tags\": {\"x\": [1]}},\n"
             " \"00000\": {\"duration\": \"N/A\", \"frame_rate\": \"25\"}}");
    HedonDataset *dataset = opened("vce", folder, NULL);
    const HedonDatasetItem *item = item_of(dataset, "00003");
    assert_true(item->duration_s == 2.5 && item->frames == 75 && item->height == 240);
    assert_true(fabs(item->frame_rate - 29.97002997) < 1e-6);
    item = item_of(dataset, "00000");
    assert_true(isnan(item->duration_s) && item->frame_rate == 25 && item->frames == 0);
    assert_false(item_of(dataset, "00012")->has_metadata);
    hedon_dataset_close(dataset);
    static const char *const bad[] = {"\"twelve\"", "\"1/0\"",   "\"\"",     "[]",  "-1",
                                      "\"-1\"",     "\"1e999\"", "\"0x10\"", "true"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"00003\": {\"duration\": %s}}", bad[i]);
        write_in(folder, "metadata.json", text);
        refuses("vce", folder, NULL, HEDON_EDATA, "metadata.json: video 00003: duration is not");
    }
}

/* ---- V2V ------------------------------------------------------------------------------------ */

static void check_comparison(const HedonDataset *dataset, int64_t i, HedonSplit split,
                             const char *const *ids, int count)
{
    const HedonComparison *comparison = hedon_dataset_comparison(dataset, i);
    assert_int_equal(comparison->split, split);
    assert_int_equal(comparison->count, count);
    for (int k = 0; k < count; k++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, comparison->item[k]);
        assert_string_equal(item->id, ids[k]);
        assert_int_equal(item->split, split);
    }
}

static void test_v2v_is_read_as_it_stands(void **state)
{
    (void)state;
    const char *folder = write_v2v("v2v");
    write_in(
        folder, "listwise_labels.json",
        "{\"version\": {\"a\": [1]}, \"comparisons\": [[\"00005\", \"00009\", \"0010\", \"0\"]]}");
    HedonDataset *dataset = opened(NULL, folder, NULL);
    assert_string_equal(hedon_dataset_kind(dataset)->name, "v2v");
    assert_int_equal(hedon_dataset_size(dataset), 9);
    assert_int_equal(hedon_dataset_comparisons(dataset), 4);
    check_comparison(dataset, 0, HEDON_SPLIT_TRAIN, (const char *[]){"00003", "00000"}, 2);
    check_comparison(dataset, 1, HEDON_SPLIT_TRAIN, (const char *[]){"00012", "00003"}, 2);
    check_comparison(dataset, 2, HEDON_SPLIT_TEST, (const char *[]){"00001", "00007"}, 2);
    check_comparison(dataset, 3, HEDON_SPLIT_LISTS, (const char *[]){"00005", "00009", "0010", "0"},
                     4);
    char path[300];
    snprintf(path, sizeof(path), "%s/videos/00012.mp4", folder);
    assert_string_equal(item_of(dataset, "00012")->path, path);
    assert_null(item_of(dataset, "00012")->intensities);
    assert_int_equal(item_of(dataset, "00012")->label, -1);
    assert_true(item_of(dataset, "00012")->duration_s == 16);
    snprintf(path, sizeof(path), "%s/videos/0010.mp4", folder); /* metadata does not know it */
    assert_string_equal(item_of(dataset, "0010")->path, path);
    hedon_dataset_close(dataset);
}

static void test_v2v_faults_are_refused_in_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *says;
    } cases[] = {
        {"train_labels.json", "{\"comparisons\": [[\"1\", \"2\"], [\"1\"]]}",
         "train_labels.json: comparison 2: not of two videos"},
        {"train_labels.json", "{\"comparisons\": [[\"1\", \"2\", \"3\"]]}", "not of two videos"},
        {"listwise_labels.json", "{\"comparisons\": [[\"1\", \"2\", \"3\", \"4\", \"5\"]]}",
         "not of two to four videos"},
        {"train_labels.json", "{\"comparisons\": [[1, 2]]}", "ids are strings"},
        {"train_labels.json", "{\"comparisons\": [[\"../x\", \"2\"]]}", "ids are strings"},
        {"train_labels.json", "{\"comparisons\": [{}]}", "not an array of ids"},
        {"train_labels.json", "{\"comparisons\": 7}", "a number where an array is wanted"},
        {"train_labels.json", "{\"pairs\": []}", "it has no \"comparisons\""},
        {"train_labels.json", "{\"comparisons\": [[\"1\", \"2\"]]", "ends inside an object"},
        {"test_labels.json", "{\"comparisons\": [[\"00003\", \"00007\"]]}",
         "video 00003 is in train and in test"},
        {"metadata.json", "{\"00003\": {\"file\": \"../x\"}}", "video 00003: file is not"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *folder = write_v2v("faulty_v2v");
        write_in(folder, cases[i].file, cases[i].text);
        refuses("v2v", folder, NULL, HEDON_EDATA, cases[i].says);
    }
}

/* ---- Tables --------------------------------------------------------------------------------- */

static const char *write_table(const char *name, const char *text)
{
    write_file(name, text);
    return in_scratch(name);
}

#define SETTINGS(...)                                                                              \
    &(HedonDatasetOptions)                                                                         \
    {                                                                                              \
        .settings = (HedonDatasetSetting[]){__VA_ARGS__},                                          \
        .setting_count =                                                                           \
            sizeof((HedonDatasetSetting[]){__VA_ARGS__}) / sizeof(HedonDatasetSetting)             \
    }

static void test_csv_with_classes_and_ratings(void **state)
{
    (void)state;
    const char *path = write_table("t.csv", "\xef\xbb\xbfpath,Class,rating,note,split\r\n"
                                            "a.mp4,dogs,1.5,\"x, \"\"y\"\"\nz\",train\r\n"
                                            "\r\n"
                                            "/abs/b.mp4,cats,,,test\r\n"
                                            "c.mp4,,-2e0,n,");
    HedonDataset *dataset = opened(NULL, path, NULL);
    assert_string_equal(hedon_dataset_kind(dataset)->name, "table");
    assert_int_equal(hedon_dataset_size(dataset), 3);
    assert_int_equal(hedon_dataset_classes(dataset), 2);
    assert_string_equal(hedon_dataset_class_name(dataset, 0), "cats");
    assert_null(hedon_dataset_class_name(dataset, 2));
    const HedonDatasetItem *item = hedon_dataset_item(dataset, 0);
    assert_string_equal(item->path, in_scratch("a.mp4"));
    assert_string_equal(item->id, "a.mp4");
    assert_true(item->class_index == 1 && item->rating == 1.5 && item->split == HEDON_SPLIT_TRAIN);
    item = hedon_dataset_item(dataset, 1);
    assert_string_equal(item->path, "/abs/b.mp4");
    assert_true(item->class_index == 0 && isnan(item->rating) && item->split == HEDON_SPLIT_TEST);
    item = hedon_dataset_item(dataset, 2);
    assert_true(item->class_index == -1 && item->rating == -2 && item->split == HEDON_SPLIT_TRAIN);
    hedon_dataset_close(dataset);
}

/* Only the first of many rows has a class: none may inherit it, and there must be room for all. */
static void test_absent_classes_of_many_rows(void **state)
{
    (void)state;
    Text text = {0};
    say(&text, "path,class\nfirst,x\n");
    for (int i = 0; i < 3000; i++) say(&text, "%d,\n", i);
    HedonDataset *dataset = opened(NULL, write_table("many.csv", text.data), NULL);
    assert_int_equal(hedon_dataset_size(dataset), 3001);
    assert_int_equal(hedon_dataset_classes(dataset), 1);
    for (int i = 0; i < 3001; i++)
        assert_int_equal(hedon_dataset_item(dataset, i)->class_index, i ? -1 : 0);
    hedon_dataset_close(dataset);
    free(text.data);
}

static void test_tables_with_named_columns(void **state)
{
    (void)state;
    const char *path = write_table("named.tsv", "clip\tname\tstars\thow\n"
                                                "\"x\"\tone\t4\tgood\n"
                                                "y.mkv\ttwo\t2\tbad\n");
    HedonDataset *dataset = opened(NULL, path,
                                   SETTINGS({"path", "clip"}, {"id", "name"}, {"rating", "stars"},
                                            {"class", "how"}, {"root", "/data"}));
    assert_string_equal(item_of(dataset, "one")->path, "/data/\"x\""); /* TSV quotes nothing */
    assert_true(item_of(dataset, "two")->rating == 2 && item_of(dataset, "two")->class_index == 0);
    hedon_dataset_close(dataset);
    refuses(NULL, path, SETTINGS({"path", "clop"}), HEDON_EINVAL,
            "path=clop: the table has no such");
    refuses(NULL, path, SETTINGS({"colour", "red"}), HEDON_EINVAL, "has no option 'colour'");
    refuses(NULL, path, SETTINGS({"path", "clip"}, {"scale", "0"}), HEDON_EINVAL,
            "a number above 0");
}

/* What hedon score --json prints, percents under a prefix, and names in other spellings. */
static void test_tables_with_intensities(void **state)
{
    (void)state;
    Text json = {0}, csv = {0}, values = {0};
    say(&json, "{\"video\": \"a.mp4\", \"emotions\": {");
    say(&csv, "file");
    for (int e = 0; e < HEDON_EMOTIONS; e++) {
        say(&json, "%s\"%s\": %g", e ? ", " : "", hedon_emotion_name(e), e / 32.0);
        say(&csv, ",e_%s", e == 6 ? "awe_or_WONDER" : hedon_emotion_name(e));
        say(&values, ",%g", 100 * e / 32.0);
    }
    say(&json, "}, \"x\": null, \"duration_s\": 4.5}\n\n  \n");
    say(&csv, "\na.mp4%s\n", values.data);
    const HedonDatasetOptions *percent = SETTINGS({"intensities", "e_"}, {"scale", "100"});
    for (int i = 0; i < 2; i++) {
        const char *path = write_table(i ? "i.csv" : "i.jsonl", i ? csv.data : json.data);
        HedonDataset *dataset = opened(NULL, path, i ? percent : NULL);
        assert_int_equal(hedon_dataset_size(dataset), 1);
        const HedonDatasetItem *item = hedon_dataset_item(dataset, 0);
        assert_non_null(item->intensities);
        for (int e = 0; e < HEDON_EMOTIONS; e++) assert_true(item->intensities[e] == e / 32.0f);
        assert_int_equal(item->label, 26);
        assert_true(i || item->duration_s == 4.5);
        hedon_dataset_close(dataset);
    }
    char *bad = replaced(csv.data, ",e_Joy", ",e_Joi");
    refuses("table", write_table("bad.csv", bad), percent, HEDON_EDATA, "line 2: Joy is missing");
    free(bad);
    refuses("table", write_table("bad.csv", csv.data), SETTINGS({"intensities", "e_"}), HEDON_EDATA,
            "line 2: Adoration is 3.125, outside 0..1");
    free(json.data);
    free(csv.data);
    free(values.data);
}

static void test_tables_with_pairs(void **state)
{
    (void)state;
    const char *path = write_table("p.csv", "less,more,split,path\n"
                                            "b,c.webm,train,\nb,a,train,\nd,e,test,\n,,train,b\n");
    HedonDataset *dataset = opened(NULL, path, NULL);
    assert_int_equal(hedon_dataset_comparisons(dataset), 3);
    check_comparison(dataset, 1, HEDON_SPLIT_TRAIN, (const char *[]){"b", "a"}, 2);
    check_comparison(dataset, 2, HEDON_SPLIT_TEST, (const char *[]){"d", "e"}, 2);
    assert_string_equal(item_of(dataset, "a")->path, in_scratch("a.mp4"));
    assert_string_equal(item_of(dataset, "c.webm")->path, in_scratch("c.webm"));
    assert_string_equal(item_of(dataset, "b")->path, in_scratch("b")); /* its row says so */
    hedon_dataset_close(dataset);
    path = write_table("p.jsonl", "{\"pair\": [\"b\", \"a\"]}\n");
    dataset = opened(NULL, path, SETTINGS({"less", "pair.0"}, {"more", "pair.1"}));
    check_comparison(dataset, 0, HEDON_SPLIT_TRAIN, (const char *[]){"b", "a"}, 2);
    hedon_dataset_close(dataset);
}

static void test_tables_with_ties_and_lists(void **state)
{
    (void)state;
    const char *path = write_table("l.csv", "less,more,tie,list\nb,a,1,\na,c,no,\nd,e,,\n"
                                            ",,, e d  c b\n,,,a e\n");
    HedonDataset *dataset = opened(NULL, path, NULL);
    assert_int_equal(hedon_dataset_comparisons(dataset), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(hedon_dataset_comparison(dataset, i)->tied, i == 0);
    check_comparison(dataset, 3, HEDON_SPLIT_TRAIN, (const char *[]){"e", "d", "c", "b"}, 4);
    check_comparison(dataset, 4, HEDON_SPLIT_TRAIN, (const char *[]){"a", "e"}, 2);
    hedon_dataset_close(dataset);
}

static void test_bad_tables_are_refused_in_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"x.csv", "", "line 1: the file is empty"},
        {"x.csv", "path,path\na,b\n", "line 1: two columns have the same name"},
        {"x.csv", "path,x\na\n", "line 2: 1 fields, but the header has 2"},
        {"x.csv", "path\n\"a\n", "line 2: a quoted field that does not end"},
        {"x.csv", "path,x\n\"a\"b,1\n", "line 2: something follows a quoted field"},
        {"x.csv", "path\na\na\n", "line 3: video a has a row already"},
        {"x.csv", "path,split\na,validation\n", "line 2: split 'validation' is not"},
        {"x.csv", "path,rating\n\"a\n\",1\nb,1.5x\n", "line 4: rating is '1.5x', not a number"},
        {"x.csv", "path,rating\na,nan\n", "not a number"},
        {"x.csv", "path,rating\na,1e999\n", "not a number"},
        {"x.csv", "name\na\n", "neither a path nor an id"},
        {"x.csv", "less,more\na,\n", "line 2: half a pair"},
        {"x.csv", "less,more,tie\na,b,maybe\n", "line 2: tie is 'maybe', not 0 or 1"},
        {"x.csv", "list\na b\na\n", "line 3: a list of 1 videos, not of two to four"},
        {"x.csv", "list\na b c d e\n", "line 2: a list of 5 videos"},
        {"x.csv", "less,more,split\na,b,train\nc,b,test\n", "video b is in train and in test"},
        {"x.jsonl", "{\"path\": \"a\"}\n[1]\n",
         "line 2, column 1: an array where an object is wanted"},
        {"x.jsonl", "{\"path\": \"a\"}\n\n{\"path\": \"b\"", "line 3, column"},
        {"x.jsonl", "{\"path\": \"a\"} {}\n", "something follows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        refuses("table", write_table(cases[i].name, cases[i].text), NULL, HEDON_EDATA,
                cases[i].says);
    refuses("table", write_table("table.txt", "path\na\n"), NULL, HEDON_EINVAL, "give format=");
    refuses("table", in_scratch("absent.csv"), NULL, HEDON_ENOENT, "cannot open");
}

/* ---- Folders -------------------------------------------------------------------------------- */

static void test_folders_list_videos(void **state)
{
    (void)state;
    char path[400];
    const char *root = make_folder("tree"); /* with videos/ */
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", root, i ? "dogs/old" : "dogs");
        assert_int_equal(mkdir(path, 0777), 0);
    }
    refuses("folder", root, NULL, HEDON_ENOENT, "no video in this folder");
    write_in(root, "videos/b.MP4", "");
    write_in(root, "dogs/old/c.mkv", "");
    write_in(root, "top.webm", "");
    write_in(root, "notes.txt", "");
    write_in(root, ".hidden.mp4", "");
    snprintf(path, sizeof(path), "%s/dogs/loop", root);
    assert_int_equal(symlink("..", path), 0);
    HedonDataset *dataset = opened(NULL, root, SETTINGS({"classes", "folder"}, {"split", "test"}));
    assert_string_equal(hedon_dataset_kind(dataset)->name, "folder");
    assert_int_equal(hedon_dataset_size(dataset), 3);
    static const char *const ids[] = {"dogs/old/c.mkv", "top.webm", "videos/b.MP4"};
    static const int classes[] = {0, -1, 1};
    for (int i = 0; i < 3; i++) {
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        snprintf(path, sizeof(path), "%s/%s", root, ids[i]);
        assert_string_equal(item->id, ids[i]);
        assert_string_equal(item->path, path);
        assert_int_equal(item->class_index, classes[i]);
        assert_int_equal(item->split, HEDON_SPLIT_TEST);
    }
    hedon_dataset_close(dataset);
    refuses("folder", in_scratch("nowhere"), NULL, HEDON_ENOENT, "cannot read folder");
    refuses(NULL, in_scratch("nowhere"), NULL, HEDON_ENOENT, "neither a folder nor a table");
    refuses("cve", root, NULL, HEDON_EINVAL, "no kind of dataset 'cve'");
}

/* ---- All kinds ------------------------------------------------------------------------------ */

/* The k-th allocation fails: a sentence, nothing leaked (the sanitizer build sees to that). */
static void test_memory_may_run_out_anywhere(void **state)
{
    (void)state;
    const char *paths[] = {
        write_vce("memory_vce"),
        write_v2v("memory_v2v"),
        write_table("memory.csv", "path,class,rating\n\"a\",x,1\nb,y,2\n"),
        write_table("memory.jsonl", "{\"path\": \"a\\u0062\"}\n"),
        make_folder("memory_folder"),
    };
    static const char *const kinds[] = {"vce", "v2v", "table", "table", "folder"};
    write_in(paths[4], "videos/a.mp4", "");
    write_in(paths[0], "train_labels.json",
             "{\"\\u0031\": {\"emotions\": {}}}"); /* for check only */
    for (int i = 0; i < 5; i++)
        for (int checking = i ? 0 : 1; checking < 2; checking++) {
            HedonContext *ctx = hedon_context_new();
            HedonFaults faults;
            int64_t k = 0;
            int code;
            do {
                HedonDataset *dataset;
                hedon_faults_init(&faults, 5);
                const HedonDatasetOptions options = {.faults = checking ? &faults : NULL};
                hedon_memory_fail_at(++k);
                code = hedon_dataset_open(ctx, &dataset, kinds[i], paths[i], &options);
                const int failed = hedon_memory_failed();
                hedon_memory_fail_at(0);
                if (failed) {
                    assert_int_equal(code, HEDON_ENOMEM);
                    assert_null(dataset);
                    assert_string_equal(hedon_last_error(ctx), "out of memory");
                } else {
                    assert_int_equal(code, 0);
                }
                hedon_dataset_close(dataset);
                hedon_faults_free(&faults);
            } while (code);
            assert_true(k > 3);
            hedon_context_free(ctx);
        }
}

/* As many videos as VCE has: growing works, every id is found again. */
static void test_sixty_thousand_labels(void **state)
{
    (void)state;
    enum { VIDEOS = 61046, TRAIN = 50000 };
    const char *folder = make_folder("large");
    for (int split = 0; split < 2; split++) {
        char path[300];
        snprintf(path, sizeof(path), "%s/%s_labels.json", folder, split ? "test" : "train");
        FILE *file = fopen(path, "w");
        const int first = split ? TRAIN : 0, last = split ? VIDEOS : TRAIN;
        for (int i = first; i < last; i++) {
            fprintf(file, "%c\"%05d\": {\"emotions\": {", i == first ? '{' : ',', i);
            for (int e = 0; e < HEDON_EMOTIONS; e++)
                fprintf(file, "%s\"%s\": %.17g", e ? ", " : "", hedon_emotion_name(e),
                        (i * 31 + e * 47) % 121 / 120.0);
            fprintf(file, "}}");
        }
        fprintf(file, "}\n");
        assert_int_equal(fclose(file), 0);
    }
    const double before = hedon_clock_s();
    HedonDataset *dataset = opened(NULL, folder, NULL);
    print_message("%d labels read in %.2f s\n", VIDEOS, hedon_clock_s() - before);
    assert_int_equal(hedon_dataset_size(dataset), VIDEOS);
    for (int i = 0; i < VIDEOS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%05d", i);
        const HedonDatasetItem *item = hedon_dataset_item(dataset, i);
        if (hedon_dataset_find(dataset, id) != i || strcmp(item->id, id)) fail_msg("%s", id);
        if (item->split != (i < TRAIN ? HEDON_SPLIT_TRAIN : HEDON_SPLIT_TEST)) fail_msg("%s", id);
        const int e = i % HEDON_EMOTIONS;
        if (item->intensities[e] != (float)((i * 31 + e * 47) % 121 / 120.0)) fail_msg("%s", id);
    }
    hedon_dataset_close(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vce_is_read_as_it_stands),
        cmocka_unit_test(test_label_is_the_first_maximum),
        cmocka_unit_test(test_vce_needs_only_one_label_file),
        cmocka_unit_test(test_vce_faults_are_refused_in_a_sentence),
        cmocka_unit_test(test_metadata_takes_numbers_and_strings),
        cmocka_unit_test(test_v2v_is_read_as_it_stands),
        cmocka_unit_test(test_v2v_faults_are_refused_in_a_sentence),
        cmocka_unit_test(test_csv_with_classes_and_ratings),
        cmocka_unit_test(test_absent_classes_of_many_rows),
        cmocka_unit_test(test_tables_with_named_columns),
        cmocka_unit_test(test_tables_with_intensities),
        cmocka_unit_test(test_tables_with_pairs),
        cmocka_unit_test(test_tables_with_ties_and_lists),
        cmocka_unit_test(test_bad_tables_are_refused_in_a_sentence),
        cmocka_unit_test(test_folders_list_videos),
        cmocka_unit_test(test_memory_may_run_out_anywhere),
        cmocka_unit_test(test_sixty_thousand_labels),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
