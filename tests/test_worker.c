/* The decode worker on real files: the same frames as in-process, clear errors, pipes, limits, and
 * nothing more than it needs. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "decode/sandbox.h"
#include "worker_fixture.h"

#define PATIENCE 60.0

static HedonContext *ctx;

static int make_context(void **state)
{
    (void)state;
    ctx = hedon_context_new();
    return ctx ? 0 : -1;
}

static int free_context(void **state)
{
    (void)state;
    hedon_context_free(ctx);
    return has_children() ? -1 : 0;
}

static void assert_opens(HedonWorker *worker, const char *path)
{
    if (hedon_worker_open(ctx, worker, path)) fail_msg("%s: %s", path, hedon_last_error(ctx));
}

/* ---- The same as in-process -------------------------------------------------------------------
 */

static void assert_same_as_in_process(const char *path, int threads)
{
    HedonWorkerOptions options;
    HedonWorker *worker;
    HedonVideo *video;
    hedon_worker_options_default(&options);
    options.program = REAL_WORKER;
    options.threads = threads;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_opens(worker, path);
    assert_int_equal(hedon_video_open(ctx, &video, path, NULL), 0);

    Seen there, here;
    int64_t indices[MOST_FRAMES];
    int code, resamples = 0;
    do {
        const int64_t frames = hedon_worker_info(worker)->frames;
        const size_t count = frames < MOST_FRAMES ? (size_t)frames : MOST_FRAMES;
        for (size_t i = 0; i < count; i++) indices[i] = (int64_t)i;
        there = here = (Seen){0};
        code = hedon_worker_frames(ctx, worker, indices, count, 1, look, &there);
        assert_int_equal(code, hedon_video_frames(ctx, video, indices, count, 1, look, &here));
        assert_true(code == 0 || (code == HEDON_ERESAMPLE && !resamples++));
    } while (code);
    assert_true(there.total > 0);
    assert_memory_equal(&there, &here, sizeof(there));
    assert_memory_equal(hedon_worker_info(worker), hedon_video_info(video), sizeof(HedonVideoInfo));
    assert_memory_equal(hedon_worker_times(worker), hedon_video_times(video),
                        (size_t)hedon_worker_info(worker)->frames * sizeof(double));
    hedon_video_close(video);
    hedon_worker_free(worker);
}

static void test_codecs(void **state)
{
    static const struct {
        const char *name, *encoder;
    } kinds[] = {
        {"h264.mp4", "-c:v libx264 -pix_fmt yuv420p -bf 2"},
        {"hevc.mkv", "-c:v libx265 -pix_fmt yuv420p10 -x265-params log-level=none"},
        {"vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"},
        {"av1.webm", "-c:v libaom-av1 -cpu-used 8 -usage realtime"},
        {"mpeg4.avi", "-c:v mpeg4"},
        {"mjpeg.mov", "-c:v mjpeg -pix_fmt yuvj422p"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (render(kinds[i].name, "160x90", 2, kinds[i].encoder)) {
            print_message("%s: this ffmpeg cannot make it\n", kinds[i].name);
            continue;
        }
        assert_same_as_in_process(in_scratch(kinds[i].name), 1);
        assert_same_as_in_process(in_scratch(kinds[i].name), 2);
    }
}

static void test_real_videos(void **state)
{
    static const char *const names[] = {"corrupted.mp4", "h264_10bits.mp4", "nasa_13013.mp4",
                                        "video_90.mov"};
    (void)state;
    if (access(HEDON_MEDIA_DIR, R_OK)) skip();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", HEDON_MEDIA_DIR, names[i]);
        assert_same_as_in_process(path, 1);
    }
}

/* More frames than slots and than one message holds; each comes once. A worker goes on to a bigger
 * video, which needs bigger slots, and back. */
static void test_long_requests_and_reuse(void **state)
{
    (void)state;
    static Seen seen;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    const int pid = hedon_worker_pid(worker);
    assert_int_equal(render("big.mp4", "640x360", 1, "-c:v mpeg4"), 0);
    for (int round = 0; round < 2; round++) {
        seen = (Seen){0};
        assert_opens(worker, in_scratch("long.mp4"));
        assert_int_equal(hedon_worker_info(worker)->frames, 600);
        assert_int_equal(ask(ctx, worker, 0, 1, 600, &seen), 0);
        for (int i = 0; i < 600; i++) assert_int_equal(seen.count[i], 1);
        assert_opens(worker, in_scratch("big.mp4"));
        assert_int_equal(ask(ctx, worker, 0, 2, 10, &seen), 0);
    }
    assert_int_equal(hedon_worker_pid(worker), pid);
    hedon_worker_free(worker);
}

/* ---- Errors that are nobody's fault but the file's --------------------------------------------
 */

static void test_bad_files(void **state)
{
    (void)state;
    write_file("text.mp4", "This is no video.\n");
    write_file("empty.mp4", "");
    assert_int_equal(
        render("sound.mp4", "64x48", 1, "-f lavfi -i sine=duration=1 -map 1:a -c:a aac"), 0);
    const struct {
        const char *path;
        int code;
    } bad[] = {{in_scratch("missing.mp4"), HEDON_ENOENT}, {scratch, HEDON_EISDIR},
               {in_scratch("text.mp4"), HEDON_EDATA},     {in_scratch("empty.mp4"), HEDON_EDATA},
               {in_scratch("sound.mp4"), HEDON_ENOVIDEO}, {"/dev/null", HEDON_EDATA}};
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    const int pid = hedon_worker_pid(worker);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(hedon_worker_open(ctx, worker, bad[i].path), bad[i].code);
        assert_true(*hedon_last_error(ctx));
        assert_null(hedon_worker_times(worker));
    }
    Seen seen = {0};
    assert_int_equal(ask(ctx, worker, 0, 1, 1, &seen), HEDON_EINVAL); /* none is open */
    assert_opens(worker, in_scratch("long.mp4"));
    assert_int_equal(hedon_worker_pid(worker), pid);
    hedon_worker_free(worker);
}

static void test_bad_requests(void **state)
{
    static const int64_t bad[][2] = {{-1, 0}, {0, 600}, {1, 1}, {2, 1}, {INT64_MAX, INT64_MIN}};
    (void)state;
    Seen seen = {0};
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    assert_opens(worker, in_scratch("long.mp4"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(hedon_worker_frames(ctx, worker, bad[i], 2, 1, look, &seen), HEDON_EINVAL);
    assert_int_equal(hedon_worker_frames(ctx, worker, NULL, 0, 1, look, &seen), 0);
    assert_int_equal(seen.total, 0);
    hedon_worker_free(worker);
}

/* The sink's result comes back, no frame comes after it, and the same process serves on. */
static void test_sink_stops(void **state)
{
    (void)state;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    const int pid = hedon_worker_pid(worker);
    assert_opens(worker, in_scratch("long.mp4"));
    for (int after = 1; after <= 40; after += 13) {
        Seen seen = {.stop_after = after};
        assert_int_equal(ask(ctx, worker, 0, 1, 600, &seen), 77);
        assert_int_equal(seen.total, after);
    }
    Seen seen = {0};
    assert_int_equal(ask(ctx, worker, 3, 1, 7, &seen), 0);
    assert_int_equal(seen.total, 4);
    assert_int_equal(hedon_worker_pid(worker), pid);
    hedon_worker_free(worker);
}

static void test_program_is_missing(void **state)
{
    (void)state;
    HedonWorkerOptions options;
    HedonWorker *worker;
    hedon_worker_options_default(&options);
    options.program = "/nonexistent/hedon-decode";
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), HEDON_EDECODER);
    assert_null(worker);
    assert_non_null(strstr(hedon_last_error(ctx), options.program));
    setenv("HEDON_DECODE_WORKER", REAL_WORKER, 1);
    assert_int_equal(hedon_worker_new(ctx, &worker, NULL), 0);
    unsetenv("HEDON_DECODE_WORKER");
    assert_opens(worker, in_scratch("long.mp4"));
    hedon_worker_free(worker);
}

/* ---- Pipes ------------------------------------------------------------------------------------
 */

static void *pour(void *fifo)
{
    char command[600];
    snprintf(command, sizeof(command), "cat %s >%s", in_scratch("long.mp4"), (const char *)fifo);
    return (void *)(intptr_t)system(command);
}

static void test_pipes(void **state)
{
    (void)state;
    pthread_t thread;
    char fifo[256];
    snprintf(fifo, sizeof(fifo), "%s", in_scratch("fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);

    HedonWorker *impatient = new_worker(ctx, REAL_WORKER, 0.2);
    assert_int_equal(hedon_worker_open(ctx, impatient, fifo), HEDON_ELIMIT); /* nobody writes */
    hedon_worker_free(impatient);

    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    assert_int_equal(pthread_create(&thread, NULL, pour, fifo), 0);
    assert_opens(worker, fifo);
    pthread_join(thread, NULL);
    assert_int_equal(hedon_worker_info(worker)->frames, 600);

    const int input = dup(0);
    assert_int_equal(pthread_create(&thread, NULL, pour, fifo), 0);
    const int end = open(fifo, O_RDONLY);
    assert_int_equal(dup2(end, 0), 0);
    close(end);
    assert_opens(worker, "-");
    assert_int_equal(dup2(input, 0), 0);
    close(input);
    pthread_join(thread, NULL);
    assert_int_equal(hedon_worker_info(worker)->frames, 600);
    hedon_worker_free(worker);
}

/* ---- Limits -----------------------------------------------------------------------------------
 */

static void test_memory_limit(void **state)
{
    (void)state;
    if (SANITIZED) skip(); /* whose address space has no end */
    HedonWorkerOptions options;
    HedonWorker *worker;
    Seen seen = {0};
    hedon_worker_options_default(&options);
    options.program = REAL_WORKER;
    options.max_memory = (int64_t)400 << 20;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(render("huge.mp4", "7680x4320", 0.5, "-c:v mpeg4"), 0);
    int code = hedon_worker_open(ctx, worker, in_scratch("huge.mp4"));
    if (!code) code = ask(ctx, worker, 0, 1, 5, &seen);
    assert_int_equal(code, HEDON_ELIMIT);
    assert_non_null(strstr(hedon_last_error(ctx), "400 MiB"));
    assert_opens(worker, in_scratch("long.mp4"));
    assert_int_equal(ask(ctx, worker, 0, 1, 5, &seen), 0);
    hedon_worker_free(worker);
}

static void test_pixel_and_frame_limits(void **state)
{
    (void)state;
    HedonWorkerOptions options;
    HedonWorker *worker;
    hedon_worker_options_default(&options);
    options.program = REAL_WORKER;
    options.max_pixels = 63 * 48;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ELIMIT);
    hedon_worker_free(worker);
    options.max_pixels = 64 * 48;
    options.max_frames = 599;
    assert_int_equal(hedon_worker_new(ctx, &worker, &options), 0);
    assert_int_equal(hedon_worker_open(ctx, worker, in_scratch("long.mp4")), HEDON_ELIMIT);
    hedon_worker_free(worker);
}

/* ---- The sandbox ------------------------------------------------------------------------------
 */

static void *nothing(void *opaque)
{
    return opaque;
}

/* Exit status 0 when the sandbox holds: decoding's needs are met, nothing else is. */
static int try_the_sandbox(void)
{
    const int video = open(in_scratch("long.mp4"), O_RDONLY);
    char byte;
    pthread_t thread;
    hedon_sandbox_limits(HEDON_SANDBOX_CPU, (int64_t)1 << 30);
    hedon_sandbox_enter(HEDON_SANDBOX_CPU);
    if (pread(video, &byte, 1, 100) != 1) return 1;
    if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL)) return 2;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        return 3;
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EPERM) return 4;
    if (open(in_scratch("stolen"), O_WRONLY | O_CREAT, 0600) >= 0) return 5;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0) return 6;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED)
        return 7;
    if (!execl("/bin/true", "true", NULL) || errno != EPERM) return 8;
    if (fork() >= 0) return 9;
    if (!kill(getppid(), 0)) return 10;
    if (mmap(NULL, (size_t)2 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 11;
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    if (!setrlimit(RLIMIT_NOFILE, &more)) return 12;
    return 0;
}

/* A GPU's: the same, but for system files and devices that may be opened, and addresses that a
 * driver has taken. */
static int try_the_gpu_sandbox(void)
{
    const int video = open(in_scratch("long.mp4"), O_RDONLY);
    char byte, name[64];
    pthread_t thread;
    const size_t reserved = (size_t)64 << 30;
    if (hedon_sandbox_files()) return 77;
    if (open(in_scratch("long.mp4"), O_RDONLY) >= 0 || errno != EACCES) return 1;
    if (open("/etc/passwd", O_RDONLY) >= 0 || open("/tmp", O_RDONLY | O_DIRECTORY) >= 0) return 2;
    if (open(in_scratch("stolen"), O_WRONLY | O_CREAT, 0600) >= 0) return 3;
    if (open("/usr/stolen", O_WRONLY | O_CREAT, 0600) >= 0) return 4;
    if (open("/proc/self/maps", O_RDONLY) < 0 || open("/dev/null", O_RDWR) < 0) return 5;
    snprintf(name, sizeof(name), "/proc/%d/environ", getppid());
    if (open(name, O_RDONLY) >= 0) return 6;
    snprintf(name, sizeof(name), "/proc/%d/mem", getppid());
    if (open(name, O_RDONLY) >= 0) return 7;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", video);
    if (open(name, O_RDWR) >= 0) return 8;
    if (mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
        MAP_FAILED)
        return 9;
    hedon_sandbox_limits(HEDON_SANDBOX_GPU, (int64_t)1 << 30);
    hedon_sandbox_enter(HEDON_SANDBOX_GPU);
    if (pread(video, &byte, 1, 100) != 1) return 10;
    if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL)) return 11;
    if (mmap(NULL, (size_t)512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
        MAP_FAILED)
        return 12;
    if (mmap(NULL, (size_t)1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 13;
    if (open("/dev/null", O_RDWR) < 0) return 14;
    if (open("/etc/passwd", O_RDONLY) >= 0 || open(name, O_RDWR) >= 0) return 15;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0) return 16;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED)
        return 17;
    if (!execl("/bin/true", "true", NULL) || errno != EPERM) return 18;
    if (fork() >= 0) return 19;
    if (!kill(getppid(), 0)) return 20;
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    if (!setrlimit(RLIMIT_NOFILE, &more)) return 21;
    return 0;
}

static void *linger(void *opaque)
{
    pause();
    return opaque;
}

/* Other threads would stay free. */
static int try_with_threads(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, linger, NULL);
    return hedon_sandbox_files() == -1 ? 0 : 1;
}

static int status_of(int (*attempt)(void))
{
    int status;
    const pid_t child = fork();
    if (!child) _exit(attempt());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_gpu_sandbox(void **state)
{
    (void)state;
#ifndef HEDON_SECCOMP
    skip();
#endif
    if (SANITIZED) skip();
    const int status = status_of(try_the_gpu_sandbox);
    if (status == 77) {
        print_message("this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(status, 0);
    assert_int_equal(status_of(try_with_threads), 0);
}

static void test_sandbox(void **state)
{
    (void)state;
#ifndef HEDON_SECCOMP
    skip(); /* libseccomp was not there at build time */
#endif
    if (SANITIZED) skip();
    assert_int_equal(status_of(try_the_sandbox), 0);
}

/* ... and the worker is in it, with no descriptor of ours. */
static void test_worker_is_sandboxed(void **state)
{
    (void)state;
    char path[64], line[256];
    int level = -1, descriptors = 0;
    HedonWorker *worker = new_worker(ctx, REAL_WORKER, PATIENCE);
    const int leaky = dup(2); /* without close-on-exec */
    assert_opens(worker, in_scratch("long.mp4"));
    snprintf(path, sizeof(path), "/proc/%d/status", hedon_worker_pid(worker));
    FILE *status = fopen(path, "r");
    while (fgets(line, sizeof(line), status)) sscanf(line, "Seccomp: %d", &level);
    fclose(status);
#ifdef HEDON_SECCOMP
    if (!SANITIZED) assert_int_equal(level, 2);
#endif
    for (int fd = 0; fd < 100; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", hedon_worker_pid(worker), fd);
        descriptors += readlink(path, line, sizeof(line)) > 0;
    }
    assert_in_range(descriptors, 4, 8); /* 0 1 2, the socket, the video and what decodes it */
    close(leaky);
    hedon_worker_free(worker);
}

static int prepare(void **state)
{
    return make_scratch(state) || render("long.mp4", "64x48", 60, "-c:v mpeg4 -g 20");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, make_context, free_context)
    const struct CMUnitTest tests[] = {
        T(test_codecs),
        T(test_real_videos),
        T(test_long_requests_and_reuse),
        T(test_bad_files),
        T(test_bad_requests),
        T(test_sink_stops),
        T(test_program_is_missing),
        T(test_pipes),
        T(test_memory_limit),
        T(test_pixel_and_frame_limits),
        T(test_sandbox),
        T(test_gpu_sandbox),
        T(test_worker_is_sandboxed),
    };
    return cmocka_run_group_tests(tests, prepare, remove_scratch);
}
