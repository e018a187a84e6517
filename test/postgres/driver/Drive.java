import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;

/** pgjdbc through the gateway: what applications do with it. Prints a line for each thing, compared by the test. */
public class Drive {
  static void say(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  public static void main(String[] words) throws Exception {
    Properties login = new Properties();
    login.setProperty("user", System.getenv("PGUSER"));
    login.setProperty("password", System.getenv("PGPASSWORD"));
    login.setProperty("sslmode", "verify-full");
    login.setProperty("sslrootcert", words[1]);
    login.setProperty("prepareThreshold", "2");
    try (Connection db = DriverManager.getConnection(words[0], login)) {
      prepared(db);
      batches(db);
      pieces(db);
      copies(db);
      notifications(db);
      cancels(db);
      try (Statement statement = db.createStatement()) {
        statement.execute("DROP DATABASE nothing_of_that_name");
      } catch (SQLException error) {
        say("refused", error.getSQLState());
      }
      try (ResultSet rows = db.getMetaData().getColumns(null, "public", "people", "ssn")) {
        rows.next();
        say("metadata", rows.getString("TYPE_NAME"));
      }
    }
  }

  /** Named and in binary from the second run on. */
  static void prepared(Connection db) throws Exception {
    try (PreparedStatement statement = db.prepareStatement("SELECT id, name, ssn, born, pin FROM people WHERE id = ?")) {
      for (int run = 0; run < 5; run++) {
        statement.setInt(1, 1);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          boolean named = statement.unwrap(PGStatement.class).isUseServerPrepare();
          say(
              "prepared, named " + named,
              rows.getInt(1) + "|" + rows.getString(2) + "|" + rows.getString(3) + "|" + rows.getDate(4) + "|" + rows.getObject(5));
        }
      }
    }
    try (PreparedStatement statement = db.prepareStatement("SELECT ?::int8, ?::bytea, ?::int4[], ?::numeric, ?::uuid, ?::float8")) {
      for (int run = 0; run < 4; run++) {
        statement.setLong(1, 1L << 40);
        statement.setBytes(2, new byte[] {0, -1});
        statement.setArray(3, db.createArrayOf("int4", new Integer[] {1, null, 3}));
        statement.setBigDecimal(4, new java.math.BigDecimal("12.50"));
        statement.setObject(5, java.util.UUID.fromString("00000000-0000-4000-8000-000000000001"));
        statement.setDouble(6, 1.5);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          Object[] array = (Object[]) rows.getArray(3).getArray();
          if (run == 3)
            say("types", rows.getLong(1) + "|" + Arrays.toString(rows.getBytes(2)) + "|" + Arrays.toString(array) + "|"
                + rows.getBigDecimal(4) + "|" + rows.getObject(5) + "|" + rows.getDouble(6));
        }
      }
    }
  }

  static void batches(Connection db) throws Exception {
    try (Statement statement = db.createStatement()) {
      statement.execute("CREATE TEMP TABLE made (id int, name text)");
    }
    try (PreparedStatement statement = db.prepareStatement("INSERT INTO made VALUES (?, ?)")) {
      for (int n = 0; n < 500; n++) {
        statement.setInt(1, n);
        statement.setString(2, "name " + n);
        statement.addBatch();
      }
      say("batch", Arrays.stream(statement.executeBatch()).sum());
    }
    try (Statement statement = db.createStatement()) {
      statement.addBatch("INSERT INTO made VALUES (1000, 'before')");
      statement.addBatch("DROP DATABASE nothing_of_that_name");
      statement.addBatch("INSERT INTO made VALUES (1001, 'after')");
      statement.executeBatch();
    } catch (BatchUpdateException error) {
      say("batch refused", error.getSQLState() + " " + Arrays.toString(error.getUpdateCounts()));
    }
  }

  /** A portal that is read in pieces. */
  static void pieces(Connection db) throws Exception {
    db.setAutoCommit(false);
    try (PreparedStatement statement = db.prepareStatement("SELECT id, ssn FROM people, generate_series(1, 95)")) {
      statement.setFetchSize(10);
      int count = 0;
      String last = "";
      try (ResultSet rows = statement.executeQuery()) {
        for (; rows.next(); count++) last = rows.getString(2);
      }
      say("fetch size", count + " " + last);
    }
    db.commit();
    db.setAutoCommit(true);
  }

  static void copies(Connection db) throws Exception {
    var copies = db.unwrap(PGConnection.class).getCopyAPI();
    say("copy in", copies.copyIn("COPY made FROM STDIN", new StringReader("2000\tcopied\n2001\t\\N\n")));
    StringWriter out = new StringWriter();
    copies.copyOut("COPY (SELECT * FROM made WHERE id >= 2000 ORDER BY id) TO STDOUT", out);
    say("copy out", out.toString().replace("\n", ";"));
    StringWriter people = new StringWriter();
    copies.copyOut("COPY people (id, ssn) TO STDOUT", people);
    say("copy of what is protected", people.toString().split("\n")[0]);
  }

  static void notifications(Connection db) throws Exception {
    try (Statement statement = db.createStatement()) {
      statement.execute("LISTEN news");
      statement.execute("NOTIFY news, 'something'");
    }
    for (var notice : db.unwrap(PGConnection.class).getNotifications(10_000))
      say("notification", notice.getName() + " " + notice.getParameter());
  }

  static void cancels(Connection db) throws Exception {
    try (Statement statement = db.createStatement()) {
      statement.setQueryTimeout(1);
      statement.execute("SELECT pg_sleep(60)");
    } catch (SQLException error) {
      say("cancel", error.getSQLState());
    }
  }
}
