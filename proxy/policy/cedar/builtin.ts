/**
 * The policy that holds where no other is configured.
 *
 * @module
 */

export const builtin_file = 'builtin.cedar'

/** Each holds where no policy of the files names its action. */
export const duty_texts = {
  read_evidence: `
// Auditors read everything, and everybody what is of themselves.
@id("policy.read_evidence")
permit (principal, action == Action::"read_evidence", resource)
when { context.own || context.roles.contains("auditor") || context.roles.contains("admin") };
`,
  configure: `
@id("policy.configure")
permit (principal, action == Action::"configure", resource)
when {
  context.roles.contains("admin") ||
  (["hold", "lift_hold"].contains(context.change) && context.roles.contains("auditor")) ||
  (context.change == "approve_release" && context.roles.contains("approver"))
};
`,
} as const

export const builtin_text: string = `// The policy of a gateway without policy.files.

// Whoever is identified may reach every target, and every account of it that is configured.
@id("policy.identified")
permit (principal, action == Action::"connect", resource);

@id("policy.shell")
permit (principal, action == Action::"shell", resource);

// What sluice.yaml leaves open in policy.transfers and policy.forwarding.
@id("policy.transfer")
permit (principal, action in [Action::"upload", Action::"download", Action::"forward"], resource);

@id("policy.exec")
permit (principal, action == Action::"exec", resource);

// A permit with @approval makes what it matches wait, whatever else permits it.
@id("policy.risk.high")
@approval
@quorum("1")
@expires("15m")
@reason("somebody else looks at a command of the high class first")
permit (principal, action == Action::"exec", resource)
when { context.risk == "high" };

@id("policy.risk.critical")
@reason("a command of the critical class never runs through the gateway")
forbid (principal, action == Action::"exec", resource)
when { context.risk == "critical" };

// Statements of databases, each text as a whole.
@id("policy.query")
permit (principal, action == Action::"query", resource);

@id("policy.query.high")
@approval
@quorum("1")
@expires("15m")
@reason("somebody else looks at a statement of the high class first")
permit (principal, action == Action::"query", resource)
when { context.risk == "high" };

@id("policy.query.critical")
@reason("a statement of the critical class never runs through the gateway")
forbid (principal, action == Action::"query", resource)
when { context.risk == "critical" };

@id("policy.approve")
permit (principal, action == Action::"approve", resource)
when { context.roles.contains("approver") };
${duty_texts.read_evidence}${duty_texts.configure}`
