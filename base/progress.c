#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

void hedon_progress_start(HedonProgress *bar)
{
    memset(bar, 0, sizeof(*bar));
    bar->visible = isatty(STDERR_FILENO);
    bar->started_s = hedon_clock_s();
}

void hedon_progress_update(HedonProgress *bar, const char *label, int64_t done, int64_t total)
{
    if (!bar->visible) return;
    const double now = hedon_clock_s();
    if (bar->drawn_s > 0 && now - bar->drawn_s < 0.1) return;
    bar->drawn_s = now;
    struct winsize size;
    int columns = 80;
    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col) columns = size.ws_col;
    if (total <= 0) {
        fprintf(stderr, "\r\033[K%.*s %lld", columns - 12, label, (long long)done);
    } else {
        const int width = 24;
        const int filled = (int)(width * (double)done / (double)total);
        char cells[24 * 3 + 1] = "";
        for (int i = 0; i < width; i++) strcat(cells, i < filled ? "\xe2\x96\x88" : "\xc2\xb7");
        const double left = done > 0 ? (now - bar->started_s) * (double)(total - done) / (double)done : 0;
        const int room = columns - width - 26;
        fprintf(stderr, "\r\033[K%s %3d%% %lld/%lld %.0fs left  %.*s", cells,
                (int)(100 * done / total), (long long)done, (long long)total, left,
                room > 0 ? room : 0, label);
    }
    fflush(stderr);
}

void hedon_progress_clear(HedonProgress *bar)
{
    if (bar->visible && bar->drawn_s > 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
