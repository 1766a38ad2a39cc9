/* The pages, scripts and style sheet of the site, from report/site/, inside the program. */
#ifndef HEDON_REPORT_SITE_FILES_H
#define HEDON_REPORT_SITE_FILES_H

typedef struct HedonSiteFile {
    const char *name, *type; /* "index.html", "text/html; charset=utf-8" */
    const char *data, *end;
} HedonSiteFile;

/** All of them, ended by a NULL name. */
const HedonSiteFile *hedon_site_files(void);
/** By name; NULL: none of that name. */
const HedonSiteFile *hedon_site_file(const char *name);

#endif
