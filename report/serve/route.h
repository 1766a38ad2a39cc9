/* From a request to an answer: libmicrohttpd's callbacks. */
#ifndef HEDON_REPORT_SERVE_ROUTE_H
#define HEDON_REPORT_SERVE_ROUTE_H

#include <microhttpd.h>

/* MHD_AccessHandlerCallback; opaque is the server. */
enum MHD_Result hedon_route(void *opaque, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **state);
/* MHD_RequestCompletedCallback */
void hedon_route_completed(void *opaque, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode reason);

#endif
