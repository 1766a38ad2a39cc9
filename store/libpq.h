/* libpq, loaded when a PostgreSQL store is first opened: with the libraries behind it (TLS,
 * Kerberos, LDAP) it would add three milliseconds to every start of hedon. */
#ifndef HEDON_STORE_LIBPQ_H
#define HEDON_STORE_LIBPQ_H

#include <libpq-fe.h>

#include "hedon.h"

#define HEDON_LIBPQ_FUNCTIONS(F)                                                                   \
    F(PQconnectdbParams)                                                                           \
    F(PQpingParams)                                                                                \
    F(PQfinish)                                                                                    \
    F(PQstatus)                                                                                    \
    F(PQerrorMessage)                                                                              \
    F(PQserverVersion)                                                                             \
    F(PQparameterStatus)                                                                           \
    F(PQsetNoticeReceiver)                                                                         \
    F(PQsetnonblocking)                                                                            \
    F(PQsocket)                                                                                    \
    F(PQenterPipelineMode)                                                                         \
    F(PQexitPipelineMode)                                                                          \
    F(PQpipelineSync)                                                                              \
    F(PQsendPrepare)                                                                               \
    F(PQsendQueryPrepared)                                                                         \
    F(PQsendQueryParams)                                                                           \
    F(PQsetSingleRowMode)                                                                          \
    F(PQexec)                                                                                      \
    F(PQflush)                                                                                     \
    F(PQconsumeInput)                                                                              \
    F(PQisBusy)                                                                                    \
    F(PQgetResult)                                                                                 \
    F(PQresultStatus)                                                                              \
    F(PQresultErrorField)                                                                          \
    F(PQclear)                                                                                     \
    F(PQcmdTuples)                                                                                 \
    F(PQntuples)                                                                                   \
    F(PQnfields)                                                                                   \
    F(PQftype)                                                                                     \
    F(PQgetisnull)                                                                                 \
    F(PQgetvalue)                                                                                  \
    F(PQgetlength)                                                                                 \
    F(PQgetCancel)                                                                                 \
    F(PQcancel)                                                                                    \
    F(PQfreeCancel)

/* Each function under its own name. */
typedef struct HedonLibpq {
#define HEDON_LIBPQ_MEMBER(name) __typeof__(name) *name;
    HEDON_LIBPQ_FUNCTIONS(HEDON_LIBPQ_MEMBER)
#undef HEDON_LIBPQ_MEMBER
} HedonLibpq;

/** HEDON_EUNSUPPORTED when the library is missing or older than 14. It stays loaded until the end.
 */
int hedon_libpq_load(HedonContext *ctx, HedonLibpq *libpq);

#endif
