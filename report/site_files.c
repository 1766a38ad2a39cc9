#include "report/site_files.h"

#include <string.h>

/* The assembler takes the bytes in; HEDON_SITE_DIR is where report/site is while building. */
#define EMBED(symbol, file)                                                                        \
    extern const char hedon_site_##symbol[], hedon_site_##symbol##_end[];                          \
    __asm__(".section .rodata\n"                                                                   \
            "hedon_site_" #symbol ":\n"                                                            \
            ".incbin \"" HEDON_SITE_DIR "/" file "\"\n"                                            \
            "hedon_site_" #symbol "_end:\n"                                                        \
            ".byte 0\n"                                                                            \
            ".previous\n")

EMBED(index_html, "index.html");
EMBED(video_html, "video.html");
EMBED(style_css, "style.css");
EMBED(common_js, "common.js");
EMBED(charts_js, "charts.js");
EMBED(map_js, "map.js");
EMBED(table_js, "table.js");
EMBED(index_js, "index.js");
EMBED(timeline_js, "timeline.js");
EMBED(video_js, "video.js");

#define HTML "text/html; charset=utf-8"
#define CSS  "text/css; charset=utf-8"
#define JS   "text/javascript; charset=utf-8"

#define FILE_OF(name, symbol, type)                                                                \
    {                                                                                              \
        name, type, hedon_site_##symbol, hedon_site_##symbol##_end                                 \
    }

static const HedonSiteFile files[] = {
    FILE_OF("index.html", index_html, HTML),
    FILE_OF("video.html", video_html, HTML),
    FILE_OF("style.css", style_css, CSS),
    FILE_OF("common.js", common_js, JS),
    FILE_OF("charts.js", charts_js, JS),
    FILE_OF("map.js", map_js, JS),
    FILE_OF("table.js", table_js, JS),
    FILE_OF("index.js", index_js, JS),
    FILE_OF("timeline.js", timeline_js, JS),
    FILE_OF("video.js", video_js, JS),
    {NULL},
};

const HedonSiteFile *hedon_site_files(void)
{
    return files;
}

const HedonSiteFile *hedon_site_file(const char *name)
{
    for (const HedonSiteFile *file = hedon_site_files(); file->name; file++)
        if (!strcmp(file->name, name)) return file;
    return NULL;
}
