01K9ZZZZZZZZZZZZZZZZZZZZZCmember/org_1/mem_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1™K
mem_1org_1ada@example.org"Ada(2#
	Ä†î•ç


<†ç