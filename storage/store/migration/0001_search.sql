CREATE TABLE `session_order` (
	`id` integer PRIMARY KEY NOT NULL,
	`started_us_max` integer NOT NULL,
	`behind_us` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `session_program` (
	`name` text NOT NULL,
	`started_us` integer NOT NULL,
	`session_no` integer NOT NULL,
	PRIMARY KEY(`name`, `started_us`, `session_no`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
DROP INDEX `command_program`;--> statement-breakpoint
INSERT INTO `session_program` SELECT DISTINCT `program`, `started_us`, `session`.`no` FROM `command` JOIN `session` ON `session`.`no` = `session_no` WHERE `program` IS NOT NULL;--> statement-breakpoint
INSERT INTO `session_order` SELECT 1, max(`started_us`), max(`before` - `started_us`) FROM (SELECT `started_us`, max(`started_us`) OVER (ORDER BY `no`) AS `before` FROM `session` WHERE `started_us` > 0) HAVING count(*) > 0;--> statement-breakpoint
UPDATE `command` SET `no` = (`session_no` << 32) | `seq`;--> statement-breakpoint
INSERT INTO `command_text` (`command_text`) VALUES ('rebuild');
