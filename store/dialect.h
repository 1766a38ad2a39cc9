/* How SQLite and PostgreSQL spell what they spell differently. */
#ifndef HEDON_STORE_DIALECT_H
#define HEDON_STORE_DIALECT_H

typedef struct HedonDialectWord {
    const char *word; /* with its '@' */
    const char *spelling;
} HedonDialectWord;

typedef struct HedonDialect {
    char parameter;                /* before a parameter's number */
    const HedonDialectWord *words; /* up to one without a word */
} HedonDialect;

extern const HedonDialect hedon_dialect_sqlite, hedon_dialect_postgres;

/** text with its @words and parameters spelt out, by hedon_malloc; NULL when memory is out. */
char *hedon_dialect_spell(const HedonDialect *dialect, const char *text);

#endif
