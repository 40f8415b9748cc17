01K9ZZZZZZZZZZZZZZZZZZZZZCgroup/org_1/grp_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1¢\
grp_1org_1Team"#
	Ä†î•ç


<†ç*2	
mem_22	
mem_1:acl_1@