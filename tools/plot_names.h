/* Where --plot draws each of several videos. */
#ifndef HEDON_TOOLS_PLOT_NAMES_H
#define HEDON_TOOLS_PLOT_NAMES_H

#include "tools/command.h"

/**
 * One file name a video: `pattern` itself for a single video; {} replaced by the video's name
 * without folder and suffix; or DIR/NAME.png when pattern is an existing directory.
 *
 * @return HEDON_PARSED, or an exit status after saying why it cannot be: several videos and one
 * name, or two videos of one name
 */
int hedon_plot_names(const HedonCommand *command, const char *pattern, char **videos, int count,
                     char ***names);
void hedon_plot_names_free(char **names, int count);

#endif
