#include "score/canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"

void hedon_canvas_colour(cairo_t *c, unsigned rgb)
{
    cairo_set_source_rgb(c, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0,
                         (rgb & 255) / 255.0);
}

double hedon_canvas_text(cairo_t *c, double x, double y, double size, int bold, HedonAlign align,
                         const char *text)
{
    cairo_text_extents_t extents;
    cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
    cairo_text_extents(c, text, &extents);
    const double before = align == HEDON_LEFT     ? 0
                          : align == HEDON_CENTRE ? extents.x_advance / 2
                                                  : extents.x_advance;
    cairo_move_to(c, x - before, y);
    cairo_show_text(c, text);
    return extents.x_advance;
}

double hedon_canvas_paragraph(cairo_t *c, double x, double y, double width, double size,
                              const char *text)
{
    char line[512];
    size_t used = 0;
    cairo_text_extents_t extents;
    cairo_select_font_face(c, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
    for (line[0] = 0; *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        if (length > 100) length = 100; /* such a word is broken */
        const int added = snprintf(line + used, sizeof(line) - used, "%s%.*s", used ? " " : "",
                                   (int)length, text);
        cairo_text_extents(c, line, &extents);
        if (used && (extents.x_advance > width || used + (size_t)added >= sizeof(line))) {
            line[used] = 0; /* the word goes to the next line */
            hedon_canvas_text(c, x, y, size, 0, HEDON_LEFT, line);
            y += 1.4 * size;
            used = 0;
            continue;
        }
        used += (size_t)added;
        text += length;
    }
    hedon_canvas_text(c, x, y, size, 0, HEDON_LEFT, line);
    return y + 1.4 * size;
}

void hedon_canvas_image(cairo_t *c, const HedonThumbnail *image, double x, double y, double width,
                        double height)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    if (cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS) {
        cairo_surface_flush(surface);
        unsigned char *rows = cairo_image_surface_get_data(surface);
        const int stride = cairo_image_surface_get_stride(surface);
        for (int row = 0; row < image->height; row++) {
            const uint8_t *from = image->rgb + (size_t)row * (size_t)image->width * 3;
            for (int column = 0; column < image->width; column++, from += 3) {
                const uint32_t pixel = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
                memcpy(rows + (size_t)row * (size_t)stride + 4 * (size_t)column, &pixel, 4);
            }
        }
        cairo_surface_mark_dirty(surface);
        cairo_save(c);
        cairo_translate(c, x, y);
        cairo_scale(c, width / image->width, height / image->height);
        cairo_set_source_surface(c, surface, 0, 0);
        cairo_paint(c);
        cairo_restore(c);
    }
    cairo_surface_destroy(surface);
}

double hedon_canvas_step(double span, int parts)
{
    if (!(span > 0)) return 1;
    const double least = span / parts, power = pow(10, floor(log10(least)));
    const double times = least / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static cairo_status_t write_bytes(void *stream, const unsigned char *bytes, unsigned count)
{
    return fwrite(bytes, 1, count, stream) == count ? CAIRO_STATUS_SUCCESS
                                                    : CAIRO_STATUS_WRITE_ERROR;
}

int hedon_canvas_write(HedonContext *ctx, cairo_surface_t *surface, const char *path)
{
    HedonAtomicFile *file;
    const int code = hedon_atomic_open(ctx, &file, path);
    if (code) return code;
    const cairo_status_t status =
        cairo_surface_write_to_png_stream(surface, write_bytes, hedon_atomic_stream(file));
    if (status == CAIRO_STATUS_SUCCESS || status == CAIRO_STATUS_WRITE_ERROR)
        return hedon_atomic_commit(ctx, file); /* which knows why writing failed */
    hedon_atomic_abort(file);
    return hedon_fail(ctx, HEDON_EIO, "cannot draw %s: %s", path, cairo_status_to_string(status));
}
