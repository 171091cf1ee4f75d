import apps.allocations.states
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('allocations', '0001_initial'),
        ('allocations', '0002_initial'),
        ('allocations', '0003_initial'),
        ('allocations', '0004_one_index_less'),
        ('allocations', '0005_fees'),
        ('allocations', '0006_unpaid_amounts'),
        ('allocations', '0007_crossed_with'),
    ]

    initial = True

    dependencies = [
        ('blocks', '0001_tables'),
        ('orders', '0001_tables'),
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], max_length=10)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('price', models.DecimalField(decimal_places=8, help_text='average price as published', max_digits=20)),
                ('gross_amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('accrued_amount', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('commission_amount', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('fees_amount', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('fees', models.JSONField(default=list, help_text='what fees_amount sums: [code, MiscFeeType (FIX tag 139), amount] each')),
                ('unpaid_amount', models.DecimalField(db_default=0, decimal_places=4, default=0, max_digits=20)),
                ('net_amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('trade_date', models.DateField()),
                ('settle_date', models.DateField()),
                ('booked_at', models.DateTimeField()),
                ('wave', models.IntegerField(default=1, help_text="counts the bookings of a block: 2 after a bust; of crosses, an order's sellers or buyers")),
                ('status', models.CharField(default=apps.allocations.states.A['BOOKED'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('block', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('broker', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('order', 'broker', 'wave'), name='an_order_shares_once_a_booking'), models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='an_allocation_has_a_quantity'), models.CheckConstraint(condition=models.Q(models.Q(('net_amount', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('gross_amount'), '-', models.F('unpaid_amount')), '+', models.F('accrued_amount')), '+', django.db.models.expressions.CombinedExpression(models.F('commission_amount'), '+', models.F('fees_amount')))), ('side', 'BUY')), models.Q(models.Q(('side', 'BUY'), _negated=True), ('net_amount', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('gross_amount'), '-', models.F('unpaid_amount')), '+', models.F('accrued_amount')), '-', django.db.models.expressions.CombinedExpression(models.F('commission_amount'), '+', models.F('fees_amount'))))), _connector='OR'), name='an_allocation_adds_up')],
            },
        ),
        migrations.CreateModel(
            name='CrossedWith',
            fields=[
                ('allocation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='allocations.allocation')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='crossedwith',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c361e4190466bedacc991c23f14c55c2d844fd8b', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_39da9', table='allocations_crossedwith', when='BEFORE')),
        ),
    ]
