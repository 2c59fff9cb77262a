/* outlet: where a message goes that is handed in; see outlet.h. */
#include "queue/outlet.h"

#include "lib/fd.h"
#include "queue/stamp.h"
#include "wire/queue.h"
#include <unistd.h>

void
outlet_open(struct outlet *o, enum outlet_way way, const char *path)
{
	char stamp[STAMP_SIZE];

	o->way = way;
	o->code = QQ_OK;
	submit_init(&o->submit);
	if (way == OUTLET_PROGRAM && !program_start(&o->program, path))
		o->code = QQ_EXEC;
	if (way == OUTLET_QUEUE) {
		if (!submit_begin(&o->submit))
			o->code = o->submit.trouble;
		stamp_write(stamp);
		outlet_body(o, str_of(stamp));
	}
}

void
outlet_body(struct outlet *o, struct str bytes)
{
	if (o->code != QQ_OK)
		return;
	switch (o->way) {
	case OUTLET_QUEUE:
		submit_body(&o->submit, bytes);
		break;
	case OUTLET_PROGRAM:
		program_body(&o->program, bytes);
		break;
	case OUTLET_PRINT:
		if (!fd_write_all(STDOUT_FILENO, bytes.data, bytes.len))
			o->code = QQ_WRITE;
		break;
	}
}

void
outlet_record(struct outlet *o, char kind, struct str text)
{
	if (o->code != QQ_OK)
		return;
	if (o->way == OUTLET_QUEUE)
		submit_record(&o->submit, kind, text);
	if (o->way == OUTLET_PROGRAM && (kind == 'F' || kind == 'T'))
		program_record(&o->program, kind, text);
}

void
outlet_commit(struct outlet *o, struct submit_result *result)
{
	*result = (struct submit_result){.code = o->code};
	if (o->code == QQ_OK && o->way == OUTLET_QUEUE)
		submit_commit(&o->submit, result);
	else if (o->code == QQ_OK && o->way == OUTLET_PROGRAM)
		program_end(&o->program, result);
	else
		(void)str_copy(result->text, sizeof(result->text),
		    str_of(queue_code_text(result->code)));
	submit_close(&o->submit);
}

void
outlet_abandon(struct outlet *o)
{
	if (o->way == OUTLET_PROGRAM && o->code == QQ_OK)
		program_abandon(&o->program);
	submit_close(&o->submit);
}
