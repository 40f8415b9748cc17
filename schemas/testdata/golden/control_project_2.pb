01K9ZZZZZZZZZZZZZZZZZZZZZCproject/org_1/prj_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1ö8
prj_1org_1Web"#
	Ä†î•ç


<†ç