CREATE TABLE `checkpoint` (
	`size` integer PRIMARY KEY NOT NULL,
	`bytes` blob NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `chunk` (
	`no` integer PRIMARY KEY NOT NULL,
	`session_no` integer NOT NULL,
	`first_seq` integer NOT NULL,
	`count` integer NOT NULL,
	`bytes` blob NOT NULL
) STRICT;
--> statement-breakpoint
CREATE INDEX `chunk_place` ON `chunk` (`session_no`,`first_seq`,`count`);--> statement-breakpoint
CREATE TABLE `command` (
	`no` integer PRIMARY KEY NOT NULL,
	`session_no` integer NOT NULL,
	`seq` integer NOT NULL,
	`t_us` integer NOT NULL,
	`program` text,
	`confidence` text NOT NULL,
	`text` text NOT NULL
) STRICT;
--> statement-breakpoint
CREATE INDEX `command_program` ON `command` (`program`,`session_no`);--> statement-breakpoint
CREATE TABLE `document` (
	`digest` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`bytes` blob NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `log_entry` (
	`no` integer PRIMARY KEY NOT NULL,
	`bytes` blob NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `log_hash` (
	`no` integer PRIMARY KEY NOT NULL,
	`hash` blob NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `session` (
	`no` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`subject` text NOT NULL,
	`issuer` text NOT NULL,
	`method` text NOT NULL,
	`groups` text NOT NULL,
	`protocol` text NOT NULL,
	`account` text NOT NULL,
	`target` text NOT NULL,
	`source` text NOT NULL,
	`labels` text NOT NULL,
	`started_us` integer NOT NULL,
	`ended_us` integer,
	`end_reason` text,
	`records` integer NOT NULL,
	`output_bytes` integer NOT NULL,
	`start_digest` text NOT NULL,
	`envelope_digest` text NOT NULL,
	`manifest_digest` text
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `session_id_unique` ON `session` (`id`);--> statement-breakpoint
CREATE INDEX `session_started` ON `session` (`started_us`,`no`);--> statement-breakpoint
CREATE INDEX `session_subject` ON `session` (`subject`,`started_us`,`no`);--> statement-breakpoint
CREATE INDEX `session_target` ON `session` (`target`,`started_us`,`no`);--> statement-breakpoint
CREATE INDEX `session_open` ON `session` (`manifest_digest`,`no`);--> statement-breakpoint
CREATE TABLE `session_group` (
	`name` text NOT NULL,
	`started_us` integer NOT NULL,
	`session_no` integer NOT NULL,
	PRIMARY KEY(`name`, `started_us`, `session_no`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `watermark` (
	`id` integer PRIMARY KEY NOT NULL,
	`lsn` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE VIRTUAL TABLE `command_text` USING fts5(text, content='command', content_rowid='no');
