"""psycopg through the gateway: what applications do with it. Prints a line for each thing, compared by the test."""

import json
import sys
import threading
import time

import psycopg


def say(what, value):
    print(json.dumps([what, value], default=str), flush=True)


dsn = sys.argv[1]
with psycopg.connect(dsn, autocommit=True) as db:
    say("tls", db.pgconn.ssl_in_use)

    # The same statement becomes a named one, in text and in binary.
    for binary in (False, True):
        with db.cursor(binary=binary) as cursor:
            for _ in range(3):
                cursor.execute("SELECT id, name, ssn, born FROM people WHERE id = %b", (1,), prepare=True)
                row = cursor.fetchone()
            say(f"prepared, binary {binary}", row)
    say("names", db.execute("SELECT count(*) > 0 FROM pg_prepared_statements").fetchone())

    with db.cursor(binary=True) as cursor:
        cursor.execute(
            "SELECT %s::int8, %s::float8, %s::bytea, %s::timestamptz, %s::int[], %s::jsonb, %s::numeric, %s::bool",
            (2**40, 1.5, b"\x00\xff", "2001-02-03T04:05:06+00", [1, None, 3], '{"a": [1]}', "12.50", True),
        )
        row = cursor.fetchone()
        say("types", [row[0], row[1], row[2].hex(), row[3].timestamp(), row[4], row[5], row[6], row[7]])

    db.execute("CREATE TEMP TABLE made (id int, name text)")
    with db.pipeline():
        for n in range(100):
            db.execute("INSERT INTO made VALUES (%s, %s)", (n, f"name {n}"))
        rows = db.execute("SELECT count(*), max(name) FROM made").fetchone()
    say("pipeline", rows)
    with db.cursor() as cursor:
        cursor.executemany("INSERT INTO made VALUES (%s, %s) RETURNING id", [(n, "x") for n in range(100, 150)], returning=True)
        ids = []
        while True:
            ids.append(cursor.fetchone()[0])
            if not cursor.nextset():
                break
    say("batch", [len(ids), ids[0], ids[-1]])
    try:
        with db.pipeline():
            db.execute("INSERT INTO made VALUES (1000, 'before')")
            db.execute("DROP DATABASE nothing_of_that_name")
            db.execute("INSERT INTO made VALUES (1001, 'after')")
    except psycopg.Error as error:
        say("pipeline refused", [error.sqlstate, db.execute("SELECT count(*) FROM made WHERE id > 999").fetchone()])

    with db.transaction(), db.cursor(name="some") as cursor:
        cursor.itersize = 10
        cursor.execute("SELECT id, ssn FROM people, generate_series(1, 95)")
        rows = list(cursor)
        say("cursor of the server", [len(rows), rows[94]])

    with db.cursor() as cursor:
        with cursor.copy("COPY made FROM STDIN") as copy:
            for n in range(2000, 2500):
                copy.write_row((n, "copied"))
        with cursor.copy("COPY (SELECT * FROM made WHERE id > 1999 ORDER BY id) TO STDOUT") as copy:
            rows = list(copy.rows())
        say("copy", [len(rows), rows[0]])
        with cursor.copy("COPY made FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            copy.write_row((3000, "in binary"))
        with cursor.copy("COPY (SELECT * FROM made WHERE id = 3000) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())
        say("copy in binary", rows)
        with cursor.copy("COPY people TO STDOUT") as copy:
            rows = list(copy.rows())
        say("copy of what is protected", rows)

    db.execute("LISTEN news")
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SELECT pg_notify('news', 'something')")
        for notice in db.notifies():
            say("notification", [notice.channel, notice.payload])
            break

    timer = threading.Timer(0.5, db.cancel)
    timer.start()
    began = time.monotonic()
    try:
        db.execute("SELECT pg_sleep(60)")
    except psycopg.errors.QueryCanceled:
        say("cancel", time.monotonic() - began < 30)
    timer.join()

    try:
        db.execute("SELEC 1")
    except psycopg.errors.SyntaxError as error:
        say("fault", [error.sqlstate, error.diag.statement_position])
    say("after all", db.execute("SELECT 7").fetchone())
