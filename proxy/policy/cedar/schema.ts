/**
 * What policy can speak of, in Cedar's schema language. A policy that names anything else is refused before it counts.
 *
 * @module
 */

export const schema_text = `// What Sluice asks policy, and what it tells of each question.

/// Groups and labels are names: "platform", "env=prod".
entity Group;
entity Label;

/// Who asks. Two issuers may have a person of the same name: "issuer" is "keys" for a registered key, or a URL.
entity User in [Group] { issuer: String, method: String };

/// What is reached. A label is a parent (resource in Label::"env=prod") and a tag (resource.getTag("env") == "prod").
entity Target in [Label] { name: String } tags String;

/// A grant that the person has there, running now. Absent without one: ask "context has grant" first.
type Granted = {
  /// Taken without an approval, by a policy with @break_glass.
  break_glass: Bool,
  /// How long it is, from its beginning to its end.
  minutes: Long,
};

type Asked = {
  grant?: Granted,
  account: String,
  /// The client's address: context.source.isInRange(ip("10.0.0.0/8")).
  source: ipaddr,
  /// UTC.
  hour: Long,
  /// UTC, 1 is Monday.
  weekday: Long,
};

/// Asked before the target is dialled.
action connect appliesTo { principal: User, resource: Target, context: Asked };

/// Asked for each command that a line may run; the line runs if all of them may.
action exec appliesTo {
  principal: User,
  resource: Target,
  context: {
    grant?: Granted,
    account: String,
    source: ipaddr,
    hour: Long,
    weekday: Long,
    terminal: Bool,
    /// "exact": the whole line is known before it runs. "shell": the shell told of it, and waits. "screen": it was read
    /// from the terminal; then a permit whose condition reads the command does not count, forbids and approvals do.
    confidence: String,
    /// The program's name without its folder; "" for a bare redirection. Absent for what cannot be read, as are its
    /// arguments where only the running line knows them: a rule that reads what is absent denies.
    program: String,
    arguments: Set<String>,
    /// Program and arguments in one line.
    command: String,
    /// Whose rights it takes, where it is not the account's own.
    sudo?: String,
    /// "low", "medium", "high" or "critical", by the catalogue.
    risk: String,
    /// Entries of the catalogue that it has.
    findings: Set<String>,
    /// A part of the line cannot be read. "!context.opaque && ..." asks this first.
    opaque: Bool,
  },
};

/// Asked for each text of statements of a database as a whole: when it is prepared, and when it runs.
action query appliesTo {
  principal: User,
  resource: Target,
  context: {
    grant?: Granted,
    account: String,
    source: ipaddr,
    hour: Long,
    weekday: Long,
    database: String,
    /// Every kind of statement in it, those inside of others too: "select", "delete", "create_table", "copy_to", "set".
    kinds: Set<String>,
    /// "schema.table". A name without a schema is there under each that it may mean; where that cannot be told, as it
    /// stands and as every object of that name that a policy has. "schema.*" is all that is in it.
    objects: Set<String>,
    /// Names of functions, whichever schema was said.
    functions: Set<String>,
    /// Whether every UPDATE and DELETE says which rows.
    has_where: Bool,
    /// "exact": all that runs stands in the text. "partial": it calls functions of the database's own.
    confidence: String,
    /// It runs code, or a prepared statement, that cannot be read.
    opaque: Bool,
    /// "low", "medium", "high" or "critical", by the catalogue.
    risk: String,
    /// Entries of the catalogue that it has.
    findings: Set<String>,
  },
};

/// An interactive shell, and a command that hands the connection to one.
action shell appliesTo {
  principal: User,
  resource: Target,
  context: {
    grant?: Granted,
    account: String,
    source: ipaddr,
    hour: Long,
    weekday: Long,
    terminal: Bool,
  },
};

action upload, download, forward appliesTo { principal: User, resource: Target, context: Asked };

/// Who may decide about somebody else's command.
action approve appliesTo {
  principal: User,
  resource: Target,
  context: { account: String, risk: String, findings: Set<String>, roles: Set<String> },
};

/// Evidence of a session by the API and its pages. Roles are the outer bound: auditor and admin, and whoever it is of. The
/// resource is the session's target, with the labels that it had then.
action read_evidence appliesTo {
  principal: User,
  resource: Target,
  context: {
    /// At the target.
    account: String,
    /// Of whom it is, by whose word, and their groups then.
    subject: String,
    issuer: String,
    groups: Set<String>,
    /// Of the caller's own session.
    own: Bool,
    /// "facts" (also of a list), "records", "lines" or "cast".
    part: String,
    roles: Set<String>,
  },
};

/// The gateway itself, by its name. It has no labels.
entity Gateway in [Label] { name: String } tags String;

/// What is changed by the API while the gateway runs. Roles are the outer bound: admin, for legal holds auditor too, and
/// approver for "approve_release".
action configure appliesTo {
  principal: User,
  resource: Gateway,
  context: {
    /// Always empty, so that a rule for every action may read it.
    account: String,
    /// "reload": the configuration is read again. "revoke", "restore": access is taken away, and given back.
    /// "forget_passkey": somebody's passkey is. "hold", "lift_hold": a legal hold is set or lifted. "apply_retention": what is
    /// due is erased now. "shred": a session is, before its time. "approve_release": somebody else's wish to lift a hold, or to
    /// shred, is decided about.
    change: String,
    roles: Set<String>,
  },
};
`

export const actions = [
  'connect',
  'exec',
  'query',
  'shell',
  'upload',
  'download',
  'forward',
  'approve',
  'read_evidence',
  'configure',
] as const
export type ActionName = (typeof actions)[number]
