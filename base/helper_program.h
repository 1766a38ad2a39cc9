/* Where the programs that hedon starts are: hedon-decode, hedon-render. */
#ifndef HEDON_BASE_HELPER_PROGRAM_H
#define HEDON_BASE_HELPER_PROGRAM_H

#include <stddef.h>

/** The path of the program `name`: beside this program or in ../libexec/hedon from it (an installed
 *  hedon, wherever its prefix was moved), else in the libexec directory of the build, whether or
 *  not it exists there. */
void hedon_helper_program(char *path, size_t size, const char *name);

#endif
