/* Paths are bytes, columns are text: a path that is not UTF-8 is kept as a file: URI, in which only
 * what is not UTF-8 and '%' are escaped. An absolute path never looks like one. */
#ifndef HEDON_STORE_PATH_H
#define HEDON_STORE_PATH_H

/** The text for a path: the path itself, or *made, to be freed. NULL when memory is out. */
const char *hedon_path_text(const char *path, char **made);
/** The path of a text, by hedon_malloc; NULL when memory is out. */
char *hedon_path_of_text(const char *text);

#endif
