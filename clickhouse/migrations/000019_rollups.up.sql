-- The rollups that people read, whichever generation wrote them: every spend_by_
-- view reads from this one. A rebuild replaces it, in one statement, with one of
-- the next generation's table; what it reads from says which generation serves.
-- IF NOT EXISTS, since a repeat must not undo a switch.
CREATE VIEW IF NOT EXISTS rollups AS
SELECT * FROM rollups_1
