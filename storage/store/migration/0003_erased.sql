CREATE TABLE `erased` (
	`id` text PRIMARY KEY NOT NULL,
	`digest` text NOT NULL,
	`scrubbed` integer NOT NULL
) STRICT;
--> statement-breakpoint
ALTER TABLE `session` ADD `retain_days` integer;--> statement-breakpoint
ALTER TABLE `session` ADD `closed_us` integer;--> statement-breakpoint
CREATE INDEX `session_closed` ON `session` (`closed_us`,`retain_days`);--> statement-breakpoint
UPDATE `session` SET `closed_us` = `ended`.`t_us` FROM (SELECT json_extract(`line`, '$.id') AS `id`, CAST(round((julianday(json_extract(`line`, '$.time')) - 2440587.5) * 86400000) AS INTEGER) * 1000 AS `t_us` FROM (SELECT CAST(`bytes` AS TEXT) AS `line` FROM `log_entry`) WHERE `line` LIKE '%"type":"session.ended"%' AND json_valid(`line`)) AS `ended` WHERE `session`.`id` = `ended`.`id`;