01K9ZZZZZZZZZZZZZZZZZZZZZCaccess_list/org_1/acl_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1∫_
acl_1org_1Approved *
mock/small*openai/*2
mock/embed:
mock/imageB	mock/hearJ
mock/speak